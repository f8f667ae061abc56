"""autoRepair of the source's NodePools: off while its API is away, on again once its nodes are back.

Nodes that wait for a name to come back look ill to a MachineHealthCheck, which would replace their instances. So what
pauses a NodePool turns its autoRepair off and signs that with an annotation in the same patch; resuming leaves both,
and only what finds the nodes healthy removes both. Whoever looks at the NodePool in between, another start included,
knows by the annotation that autoRepair was on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lifeboat.edits import annotation, edit
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import NODE_POOLS

ANNOTATION = "lifeboat/auto-repair"
"""On a NodePool: the operation that turned its autoRepair off."""


def is_on(node_pool: Manifest) -> bool:
    """Whether it is on now; absent means off."""
    return bool((node_pool["spec"].get("management") or {}).get("autoRepair"))


def is_wanted(node_pool: Manifest) -> bool:
    """Whether its owner wants autoRepair: it is on, or only rests because of Lifeboat."""
    return is_on(node_pool) or rests(node_pool)


def rests(node_pool: Manifest) -> bool:
    """Whether some operation turned it off and was cut off before it could turn it on again.

    Its nodes may still be away: how it looks now says nothing about how it was.
    """
    return annotation(node_pool, ANNOTATION) is not None


def is_healthy(node_pool: Manifest) -> bool:
    """AllNodesHealthy, told by an operator that reconciles it: while paused, its status is that of before."""
    conditions = (node_pool.get("status") or {}).get("conditions") or ()
    status = {each["type"]: each["status"] for each in conditions}
    return status.get("AllNodesHealthy") == "True" and status.get("ReconciliationActive") != "False"


def rest(node_pool: Manifest, operation_id: str, *, was_on: bool) -> dict[str, Any]:
    """The patch that turns it off, signed if it has to be turned on again; {} when all is so."""
    patch: dict[str, Any] = {}
    if is_on(node_pool):
        patch["spec"] = {"management": {"autoRepair": False}}
    if was_on and annotation(node_pool, ANNOTATION) != operation_id:
        patch["metadata"] = {"annotations": {ANNOTATION: operation_id}}
    return patch


def resting(cluster: ManagementCluster, hosted: HostedClusterRef, operation_id: str) -> list[Manifest]:
    """The NodePools whose autoRepair this operation turned off and did not put back yet."""
    return [
        each
        for each in cluster.list_objects(NODE_POOLS, hosted.namespace)
        if each["spec"].get("clusterName") == hosted.name and annotation(each, ANNOTATION) == operation_id
    ]


def not_healthy(node_pools: Sequence[Manifest], before: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Which NodePools are not as healthy as they were (`before`: what was recorded, by name), in words.

    One that nothing is recorded of is expected to be healthy.
    """
    return [
        f"all nodes of NodePool {name} healthy"
        for each in node_pools
        if before.get(name := each["metadata"]["name"], {}).get("healthy", True) and not is_healthy(each)
    ]


def restore(cluster: ManagementCluster, hosted: HostedClusterRef, operation_id: str) -> list[str]:
    """Turn it on where this operation turned it off; returns the NodePools' names. Running it twice is harmless."""

    def turn_on(current: Manifest) -> dict[str, Any] | None:
        if annotation(current, ANNOTATION) != operation_id:
            return None
        return {"metadata": {"annotations": {ANNOTATION: None}}, "spec": {"management": {"autoRepair": True}}}

    names = [each["metadata"]["name"] for each in resting(cluster, hosted, operation_id)]
    for name in names:
        edit(cluster, NODE_POOLS, hosted.namespace, name, turn_on)
    return names
