"""What a hosted cluster has besides that is reached through VPC endpoints: at its source, and once it has come up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifeboat.ports import DnsRecord
from lifeboat.vpc_endpoints import VpcEndpoint
from tests.unit.builders import a_secret, an_object
from tests.unit.preflight.fit import an_operator

if TYPE_CHECKING:
    from tests.unit.plan.moving import Moving

BALANCER = "internal-2-0a1b.elb.us-east-2.amazonaws.example"
_SERVICE, _ENDPOINT, _HOST = "com.amazonaws.vpce.us-east-2.vpce-svc-2", "vpce-1", "vpce-1-x.example"
_API = "hypershift.openshift.io/v1beta1"


def at_source(moving: Moving) -> None:
    """Operators of both sides make endpoints; the source's AWSEndpointService holds its finalizer."""
    for cluster in (moving.source, moving.destination):
        cluster.add(an_operator(), a_secret("aws-credentials", "hypershift"))
    spec = {"networkLoadBalancerName": "internal-1"}
    finalizers = ["hypershift.openshift.io/control-plane-operator-finalizer"]
    there = an_object(_API, "AWSEndpointService", "private-router", moving.namespace, spec=spec, finalizers=finalizers)
    moving.source.add({**there, "status": {"endpointID": _ENDPOINT}})


def comes_up(moving: Moving) -> list[dict[str, Any]]:
    """The endpoint leads to the destination, and the private name to the endpoint."""
    name = f"api.{moving.builder.ref.name}.hypershift.local"
    status = {"endpointID": _ENDPOINT, "endpointServiceName": _SERVICE, "dnsNames": [name], "dnsZoneID": "Z9"}
    moving.endpoints.held[_ENDPOINT] = VpcEndpoint(_ENDPOINT, _SERVICE, "available", (_HOST,))
    moving.dns.held.append(DnsRecord("/hostedzone/Z9", name, "CNAME", (_HOST,), {}))
    ingress = {"loadBalancer": {"ingress": [{"hostname": BALANCER}]}}
    spec = {"networkLoadBalancerName": "internal-2"}
    return [
        an_object("v1", "Service", "private-router", moving.namespace, status=ingress),
        an_object(_API, "AWSEndpointService", "private-router", moving.namespace, spec=spec, status=status),
    ]
