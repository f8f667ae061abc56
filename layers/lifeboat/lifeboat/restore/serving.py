"""Does the destination serve: the conditions of facts, not hopes.

A condition that HyperShift sets on every cluster must be there and True; one that it sets only for some clusters must
not be False. etcd's membership is not told by any condition: the verification of a move asks each member.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from lifeboat.edits import annotation
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.reconciliation import is_paused, node_pools_of
from lifeboat.resources import CLUSTERS, HOSTED_CLUSTERS, STATEFUL_SETS
from lifeboat.restore.loading import Destination

ALWAYS_TRUE = (
    "Available",
    "EtcdAvailable",
    "KubeAPIServerAvailable",
    "InfrastructureReady",
    "IgnitionEndpointAvailable",
    "ValidReleaseImage",
    "ValidOIDCConfiguration",
    "ValidAWSIdentityProvider",
    "ClusterVersionSucceeding",
)
TRUE_WITH_PUBLIC_NAMES = ("ExternalDNSReachable",)
"""Of a private hosted cluster it stays Unknown: its names are not public."""

TRUE_WITH_PRIVATE_ACCESS = ("AWSEndpointServiceAvailable", "AWSEndpointAvailable")
TRUE_WITH_KMS = ("ValidAWSKMSConfig",)
TRUE_IF_PRESENT = ("ValidConfiguration", "SupportedHostedCluster", "ReconciliationSucceeded")
TRUE_IF_PRESENT_WITH_NODES = ("DataPlaneConnectionAvailable",)
"""Unknown while no node is expected."""

HELD = "lifeboat/held"
"""On a NodePool: paused by the restore that made it, until it is known that none of its nodes would be replaced."""

_FOR_GOOD = ("true", "True")

NODE_POOL_TRUE = ("AllMachinesReady", "AllNodesHealthy")
NODE_POOL_NOT_TRUE = ("UpdatingVersion", "UpdatingConfig", "UpdatingPlatformMachineTemplate")


def wanted(hosted_cluster: Manifest) -> tuple[str, ...]:
    """Conditions that must be there and True, by how this hosted cluster is reached and encrypted."""
    spec = hosted_cluster["spec"]
    access = ((spec.get("platform") or {}).get("aws") or {}).get("endpointAccess") or "Public"
    named = any(
        (each.get("servicePublishingStrategy") or {}).get(way, {}).get("hostname")
        for each in spec.get("services") or ()
        for way in ("route", "loadBalancer")
    )
    return (
        *ALWAYS_TRUE,
        *(TRUE_WITH_PUBLIC_NAMES if access != "Private" and named else ()),
        *(TRUE_WITH_PRIVATE_ACCESS if access != "Public" else ()),
        *(TRUE_WITH_KMS if (spec.get("secretEncryption") or {}).get("type") == "kms" else ()),
    )


def not_serving(destination: Destination, now: datetime.datetime) -> list[str]:
    """What the destination still lacks, in words; empty when it serves."""
    return [
        *hosted_cluster_problems(
            destination.cluster, destination.hosted, with_nodes=bool(destination.state.provider_ids)
        ),
        *_etcd_problems(destination),
        *_cluster_api_problems(destination),
        *_node_pool_problems(destination, now),
    ]


def hosted_cluster_problems(
    cluster: ManagementCluster, hosted: HostedClusterRef, *, with_nodes: bool = True
) -> list[str]:
    """Conditions of the HostedCluster that are not as they must be."""
    live = cluster.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    if live is None:
        return [f"HostedCluster {hosted} to exist"]
    status = conditions(live)
    if_present = (*TRUE_IF_PRESENT, *(TRUE_IF_PRESENT_WITH_NODES if with_nodes else ()))
    problems = [f"HostedCluster {name}" for name in wanted(live) if _status(status, name) != "True"]
    problems += [f"HostedCluster {name}" for name in if_present if _status(status, name) not in {"True", None}]
    if _status(status, "Degraded") == "True":
        problems.append(f"HostedCluster not Degraded ({status['Degraded'].get('message', '')[:100]})")
    return problems


def _etcd_problems(destination: Destination) -> list[str]:
    stateful_set = destination.cluster.get(STATEFUL_SETS, destination.namespace, "etcd")
    ready = ((stateful_set or {}).get("status") or {}).get("readyReplicas") or 0
    members = destination.record.snapshot.members
    return [] if ready == members else [f"etcd ready ({ready} of {members})"]


def _cluster_api_problems(destination: Destination) -> list[str]:
    """A Cluster that stays paused has machines that nobody looks after, whatever the conditions say."""
    live = destination.cluster.get(CLUSTERS, destination.namespace, destination.record.infra_id)
    if live is not None and (not live["spec"].get("paused") or destination.state.cluster_paused):
        return []
    return [f"Cluster {destination.record.infra_id} unpaused"]


def _node_pool_problems(destination: Destination, now: datetime.datetime) -> Iterable[str]:
    pools = {each["metadata"]["name"]: each for each in node_pools_of(destination.cluster, destination.hosted)}
    for name in sorted(destination.state.node_pools):
        live = pools.get(name)
        if live is None:
            yield f"NodePool {name} to exist"
            continue
        if is_held(live):
            yield f"NodePool {name} released"
            continue
        if is_paused(live["spec"].get("pausedUntil"), now):
            continue  # its owner paused it: nothing reconciles it, its conditions say nothing
        status = conditions(live)
        if _wants_nodes(live):
            yield from (f"NodePool {name} {each}" for each in NODE_POOL_TRUE if _status(status, each) != "True")
        yield from (f"NodePool {name} not {each}" for each in updates(live))


def _wants_nodes(pool: Manifest) -> bool:
    """Of a NodePool without replicas HyperShift says AllMachinesReady and AllNodesHealthy False: there are none."""
    return bool(pool["spec"].get("autoScaling")) or pool["spec"].get("replicas") != 0


def rests_by_owner(pool: Manifest, recorded: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether its owner paused it, for good, at the source (`recorded`: `pausedUntil` by name) and it still is.

    A pause up to some time ends by itself: what such a NodePool tells of updates is no waiting.
    """
    own = (recorded.get(str(pool["metadata"]["name"])) or {}).get("pausedUntil")
    return own in _FOR_GOOD and own == pool["spec"].get("pausedUntil") and not is_held(pool)


def is_held(pool: Manifest) -> bool:
    """Whether it is still paused by the restore that made it."""
    return annotation(pool, HELD) is not None


def updates(pool: Manifest) -> list[str]:
    """Conditions by which a NodePool tells that it replaces its nodes."""
    status = conditions(pool)
    return [each for each in NODE_POOL_NOT_TRUE if _status(status, each) == "True"]


def conditions(manifest: Manifest) -> dict[str, Mapping[str, Any]]:
    """Conditions by type."""
    return {each["type"]: each for each in (manifest.get("status") or {}).get("conditions") or ()}


def _status(by_type: Mapping[str, Mapping[str, Any]], name: str) -> str | None:
    found = by_type.get(name)
    return str(found["status"]) if found else None
