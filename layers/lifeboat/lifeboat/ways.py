"""On which ways a control plane is reached, as its management cluster tells it: recorded with every backup.

Once a source does not answer any more nobody could ask it, and what is to be cut in AWS must be known exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lifeboat.model import Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import AWS_ENDPOINT_SERVICES, DEPLOYMENTS, SERVICES

_FLAGS = {"owner": "--txt-owner-id=", "interval": "--interval=", "cacheInterval": "--txt-cache-interval="}


def load_balancers(cluster: ManagementCluster, namespace: str) -> list[dict[str, Any]]:
    """`{service, address, ports}` of each address of each LoadBalancer Service of a control plane."""
    return [
        {
            "service": service["metadata"]["name"],
            "address": str(ingress.get("hostname") or ingress.get("ip")),
            "ports": sorted(int(each["port"]) for each in service["spec"].get("ports") or ()),
        }
        for service in cluster.list_objects(SERVICES, namespace)
        if service["spec"].get("type") == "LoadBalancer"
        for ingress in ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    ]


def endpoint_services(cluster: ManagementCluster, namespace: str) -> list[str]:
    """Names of the VPC endpoint services of a control plane; empty for one that is only public."""
    found = (
        (each.get("status") or {}).get("endpointServiceName")
        for each in cluster.list_objects(AWS_ENDPOINT_SERVICES, namespace)
    )
    return sorted({str(each) for each in found if each})


def external_dns(cluster: ManagementCluster) -> dict[str, str]:
    """`owner`, `interval` and `cacheInterval` of HyperShift's ExternalDNS there, each only if its flag is given."""
    deployment = cluster.get(DEPLOYMENTS, "hypershift", "external-dns")
    given = list(_arguments(deployment)) if deployment else []
    return {
        name: argument.removeprefix(flag)
        for name, flag in _FLAGS.items()
        for argument in given
        if argument.startswith(flag)
    }


def _arguments(deployment: Manifest) -> Iterator[str]:
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        yield from (*(container.get("command") or ()), *(container.get("args") or ()))
