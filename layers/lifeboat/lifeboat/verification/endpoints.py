"""The way of a private hosted cluster's nodes to its API ends at the destination.

control-plane-operator writes the records of the private zone by name, without ownership: whoever writes last wins, and
the VPC endpoint is taken over by whoever lives. So each link is looked at: the AWSEndpointService names a load balancer
of the destination, its endpoint leads to the service that was made for that one, and its names lead to that endpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lifeboat import dns as names
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import Dns, DnsRecord, ManagementCluster
from lifeboat.resources import AWS_ENDPOINT_SERVICES, HOSTED_CLUSTERS
from lifeboat.verification import Finding
from lifeboat.verification.names import ADDRESSES, balancers
from lifeboat.vpc_endpoints import VpcEndpoint, VpcEndpoints

PUBLIC = "Public"


@dataclass(frozen=True)
class Ways:
    """What the destination's AWSEndpointServices say, and what AWS has of it."""

    services: tuple[Manifest, ...]
    endpoints: Mapping[str, VpcEndpoint]
    """By id, those that the services name."""

    @property
    def hosts(self) -> set[str]:
        """The names of the endpoints that lead where their AWSEndpointService says."""
        return {
            host
            for each in self.services
            if (endpoint := self.endpoint_of(each)) is not None
            for host in endpoint.hosts
            if not _astray(each, endpoint)
        }

    def endpoint_of(self, service: Manifest) -> VpcEndpoint | None:
        return self.endpoints.get(_status(service).get("endpointID", ""))


def look(destination: ManagementCluster, hosted: HostedClusterRef, endpoints: VpcEndpoints) -> Ways:
    """Read them; of a hosted cluster that is only public there are none."""
    services = destination.list_objects(AWS_ENDPOINT_SERVICES, hosted.control_plane_namespace)
    ids = sorted({str(_status(each)["endpointID"]) for each in services if _status(each).get("endpointID")})
    return Ways(tuple(services), endpoints.of(ids))


def verify(destination: ManagementCluster, hosted: HostedClusterRef, dns: Dns, ways: Ways) -> Finding:
    """Every AWSEndpointService leads to the destination, endpoint and names included."""
    cluster = destination.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name) or {}
    platform = ((cluster.get("spec") or {}).get("platform") or {}).get("aws") or {}
    if platform.get("endpointAccess", PUBLIC) == PUBLIC:
        return Finding()
    if not ways.services:
        return Finding(not_yet=[f"AWSEndpointServices of {hosted} at {destination.name}"])
    there = balancers(destination, hosted)
    private = sorted({str(name) for each in ways.services for name in _status(each).get("dnsNames") or ()})
    records = [each for each in dns.records(private) if each.type in ADDRESSES] if private else []
    not_yet = [line for each in ways.services for line in _not_yet(each, ways.endpoint_of(each), there, records)]
    facts = [_facts(each) for each in sorted(ways.services, key=lambda each: str(each["metadata"]["name"]))]
    return Finding({"endpoints": facts}, not_yet)


def _not_yet(
    service: Manifest, endpoint: VpcEndpoint | None, there: set[str], records: list[DnsRecord]
) -> Iterator[str]:
    name, status = f"AWSEndpointService {service['metadata']['name']}", _status(service)
    balancer = str(service["spec"]["networkLoadBalancerName"]).lower()
    # AWS calls a load balancer `<name>-<hash>.elb…`.
    if not any(host.startswith((f"{balancer}-", f"{balancer}.")) for host in there):
        yield f"{name} to name a load balancer that is there (it names {balancer})"
    if endpoint is None:
        yield f"{name} to have a VPC endpoint (it names {status.get('endpointID') or 'none'})"
        return
    if (astray := _astray(service, endpoint)) is not None:
        yield astray
    if not status.get("dnsNames"):
        yield f"{name} to have its names"
    for each in status.get("dnsNames") or ():
        # Clusters of one name in other VPCs have private zones of the same domain.
        zone = _plain(status.get("dnsZoneID"))
        mine = [record for record in records if record.name == each and _plain(record.zone_id) == zone]
        pointed = {target for record in mine for target in names.targets(record)}
        if not pointed:
            yield f"{each} to be in its private zone"
        elif not pointed <= set(endpoint.hosts):
            yield f"{each} to point to {endpoint.id} (it points to {', '.join(sorted(pointed))})"


def _astray(service: Manifest, endpoint: VpcEndpoint) -> str | None:
    wanted = _status(service).get("endpointServiceName")
    if endpoint.service != wanted:
        return f"VPC endpoint {endpoint.id} to lead to {wanted} (it leads to {endpoint.service})"
    if endpoint.state != "available":
        return f"VPC endpoint {endpoint.id} to be available (it is {endpoint.state})"
    return None


def _plain(zone: object) -> str:
    """A zone's id without `/hostedzone/`."""
    return str(zone).rpartition("/")[2]


def _facts(service: Manifest) -> dict[str, Any]:
    status = _status(service)
    told = {field: status.get(field) for field in ("endpointID", "endpointServiceName", "dnsNames")}
    return {"name": service["metadata"]["name"], **told}


def _status(service: Manifest) -> dict[str, Any]:
    status: dict[str, Any] = service.get("status") or {}
    return status
