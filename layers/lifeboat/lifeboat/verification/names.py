"""The public names are answered by the destination, and by nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from lifeboat import dns as names
from lifeboat.model import HostedClusterRef
from lifeboat.ports import Dns, ManagementCluster
from lifeboat.resources import SERVICES
from lifeboat.verification import Finding

ADDRESSES = ("A", "AAAA", "CNAME")


def verify(
    destination: ManagementCluster,
    hosted: HostedClusterRef,
    dns: Dns,
    hostnames: Sequence[str],
    endpoints: AbstractSet[str] = frozenset(),
) -> Finding:
    """Every name that the source had leads to a load balancer of the destination's control plane.

    Or to one of `endpoints`, by which a private hosted cluster is published: the names of VPC endpoints that lead
    there.
    """
    known = balancers(destination, hosted) | endpoints
    records = {each.name: each for each in dns.records(hostnames) if each.type in ADDRESSES} if hostnames else {}
    not_yet = []
    for hostname in hostnames:
        targets = names.targets(records[hostname]) if hostname in records else []
        # A load balancer's alias may stand with the prefix `dualstack.`, in any case.
        if not targets:
            not_yet.append(f"{hostname} to be in Route53")
        elif not {each.lower().removeprefix("dualstack.") for each in targets} <= known:
            not_yet.append(f"{hostname} to point to {destination.name} (it points to {', '.join(targets)})")
    return Finding({"records": [names.to_json(each) for each in records.values()]}, not_yet)


def recorded(hostnames: Sequence[str], records: Sequence[dict[str, object]]) -> list[str]:
    """The names that were in public DNS at the source: others (private ones) are not ours to expect."""
    known = {record["name"] for record in records if record["type"] in ADDRESSES}
    return [hostname for hostname in hostnames if hostname in known]


def balancers(destination: ManagementCluster, hosted: HostedClusterRef) -> set[str]:
    """Host names (or addresses) of the load balancers of a control plane, in lower case."""
    return {
        str(ingress.get("hostname") or ingress.get("ip")).lower()
        for service in destination.list_objects(SERVICES, hosted.control_plane_namespace)
        for ingress in (service.get("status") or {}).get("loadBalancer", {}).get("ingress") or []
    }
