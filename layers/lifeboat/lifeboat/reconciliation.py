"""Pause and resume the reconciliation of one hosted cluster at its source.

Our pause is signed: the same patch that sets `pausedUntil` leaves the operation and the backup as annotations on the
HostedCluster. Paused without them is somebody else's pause, which is never lifted. Resuming puts back what
`source.json` recorded and removes the signature last, so that a resume that was cut off can be done again.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lifeboat import auto_repair, epochs, writers
from lifeboat.edits import annotation, edit
from lifeboat.errors import AlreadyPausedError, PreflightError
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import CLUSTERS, HOSTED_CLUSTERS, HOSTED_CONTROL_PLANES, NODE_POOLS
from lifeboat.source_state import SourceState

OPERATION = "lifeboat/operation"
BACKUP = "lifeboat/backup"
PAUSED = "true"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Pause:
    """The signature of Lifeboat's pause."""

    operation_id: str
    backup_id: str


def is_paused(paused_until: str | None, now: datetime.datetime) -> bool:
    """HyperShift's rule: `true`, or a time with zone in the future; what does not parse does not pause."""
    if paused_until in {"true", "True"}:
        return True
    if not paused_until or not _RFC3339.fullmatch(paused_until):
        return False
    try:
        return datetime.datetime.fromisoformat(paused_until) > now
    except ValueError:
        return False


def signature(hosted_cluster: Manifest) -> Pause | None:
    """Whose pause of Lifeboat this HostedCluster carries, if any."""
    operation, backup = annotation(hosted_cluster, OPERATION), annotation(hosted_cluster, BACKUP)
    return Pause(operation, backup) if operation and backup else None


def refuse_foreign_pause(hosted_cluster: Manifest, operation_id: str, now: datetime.datetime) -> None:
    """Raises AlreadyPausedError when the HostedCluster is paused, and not by this operation."""
    until = hosted_cluster["spec"].get("pausedUntil")
    mine = signature(hosted_cluster)
    if not is_paused(until, now) or (mine and mine.operation_id == operation_id):
        return
    namespace, name = hosted_cluster["metadata"]["namespace"], hosted_cluster["metadata"]["name"]
    if mine:
        msg = (
            f"{namespace}/{name} is paused by operation {mine.operation_id}: start that one again with "
            f"operationId {mine.operation_id}, or resume it first"
        )
    else:
        msg = (
            f"{namespace}/{name} is paused by somebody else (pausedUntil {until}): find out why, then lift it with "
            f"`oc patch -n {namespace} hostedclusters.hypershift.openshift.io {name} --type merge "
            """-p '{"spec":{"pausedUntil":null}}'` and start again"""
        )
    raise AlreadyPausedError(msg)


def node_pools_of(cluster: ManagementCluster, hosted: HostedClusterRef) -> list[Manifest]:
    """The NodePools of one hosted cluster, by `spec.clusterName`: several clusters may share a namespace."""
    there = cluster.list_objects(NODE_POOLS, hosted.namespace)
    return [each for each in there if each["spec"].get("clusterName") == hosted.name]


def pause(
    cluster: ManagementCluster, state: SourceState, pause: Pause, now: datetime.datetime, epoch: int = 0
) -> dict[str, Any]:
    """Pause the HostedCluster, its NodePools (autoRepair off) and what the operator would pause for it.

    A NodePool that its owner had paused keeps that pause. HostedControlPlane and Cluster are set here as well: an
    operator older than 4.18 does not pause the Cluster, one that is down pauses nothing. Each gets the epoch.

    Raises LeaseLostError where a newer epoch is, AlreadyPausedError when somebody else paused it meanwhile,
    PreflightError when it is gone or a NodePool came that was not recorded.
    """
    hosted = state.hosted_cluster

    def sign(current: Manifest) -> dict[str, Any] | None:
        refuse_foreign_pause(current, pause.operation_id, now)
        if current["spec"].get("pausedUntil") == PAUSED and signature(current) == pause:
            return None
        annotations = {OPERATION: pause.operation_id, BACKUP: pause.backup_id}
        return {"metadata": {"annotations": annotations}, "spec": {"pausedUntil": PAUSED}}

    if edit(cluster, HOSTED_CLUSTERS, hosted.namespace, hosted.name, epochs.putting(sign, epoch)) is None:
        msg = f"HostedCluster {hosted} is gone from {cluster.name}"
        raise PreflightError(msg)
    names = [each["metadata"]["name"] for each in node_pools_of(cluster, hosted)]
    if strangers := [name for name in names if name not in state.node_pools]:
        msg = f"NodePool {', '.join(strangers)} appeared after the preflight of {hosted}: start again"
        raise PreflightError(msg)
    for name in names:
        _pause_node_pool(cluster, state, name, pause.operation_id, now, epoch)
    _set_derived(cluster, state, epochs.putting, epoch, paused_until=PAUSED, cluster_paused=True)
    return {"nodePools": names}


def not_paused(cluster: ManagementCluster, state: SourceState, operation_id: str) -> list[str]:
    """What is not paused (any more), in words: looked at again before anything rests on it."""
    hosted = state.hosted_cluster
    found = []
    current = cluster.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    mine = signature(current) if current else None
    if current is None or current["spec"].get("pausedUntil") != PAUSED or not mine or mine.operation_id != operation_id:
        found.append(f"HostedCluster {hosted} paused by operation {operation_id}")
    control_plane = cluster.get(HOSTED_CONTROL_PLANES, hosted.control_plane_namespace, hosted.name)
    if control_plane and control_plane["spec"].get("pausedUntil") != PAUSED:
        found.append("HostedControlPlane paused")
    capi = cluster.get(CLUSTERS, hosted.control_plane_namespace, state.infra_id)
    if capi and capi["spec"].get("paused") is not True:
        found.append(f"Cluster {state.infra_id} paused")
    return found


def resume(cluster: ManagementCluster, state: SourceState, operation_id: str, epoch: int = 0) -> bool:
    """Put back replica counts, pauses and annotations exactly as recorded; False: no pause of ours is there.

    autoRepair of the NodePools stays off: `auto_repair.restore` turns it on once the nodes are back.

    Order: controllers and writers first (control-plane-operator brings the writers up by itself as well), our
    signature last. Running it twice changes nothing the second time. Raises LeaseLostError where a newer epoch is.
    """
    hosted = state.hosted_cluster
    current = cluster.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    mine = signature(current) if current else None
    if mine is None or mine.operation_id != operation_id:
        return False
    order = [name for name in (*writers.WRITERS, *writers.CONTROLLERS) if name in state.replicas]
    writers.scale(cluster, hosted.control_plane_namespace, {name: state.replicas[name] for name in order}, epoch)
    for name, was in state.node_pools.items():
        _put_back_node_pool(cluster, hosted, name, was, epoch)
    _set_derived(
        cluster,
        state,
        epochs.taking_off,
        epoch,
        paused_until=state.paused_until,
        cluster_paused=state.cluster_paused,
    )

    def unsign(there: Manifest) -> dict[str, Any] | None:
        if signature(there) != mine:
            return None
        annotations = {OPERATION: None, BACKUP: None}
        return {"metadata": {"annotations": annotations}, "spec": {"pausedUntil": state.paused_until}}

    edit(cluster, HOSTED_CLUSTERS, hosted.namespace, hosted.name, epochs.taking_off(unsign, epoch))
    return True


def _pause_node_pool(
    cluster: ManagementCluster, state: SourceState, name: str, operation_id: str, now: datetime.datetime, epoch: int
) -> None:
    was = state.node_pools[name]
    own = is_paused(was["pausedUntil"], now)

    def change(current: Manifest) -> dict[str, Any] | None:
        patch = auto_repair.rest(current, operation_id, was_on=was["autoRepair"])
        if not own and current["spec"].get("pausedUntil") != PAUSED:
            patch["spec"] = {**patch.get("spec", {}), "pausedUntil": PAUSED}
        return patch or None

    edit(cluster, NODE_POOLS, state.hosted_cluster.namespace, name, epochs.putting(change, epoch))


def _put_back_node_pool(
    cluster: ManagementCluster, hosted: HostedClusterRef, name: str, was: dict[str, Any], epoch: int
) -> None:
    def change(current: Manifest) -> dict[str, Any] | None:
        wanted: dict[str, Any] = {}
        if current["spec"].get("pausedUntil") != was["pausedUntil"]:
            wanted["pausedUntil"] = was["pausedUntil"]
        # One that was on stays off until the nodes are back; see `auto_repair`.
        if auto_repair.is_on(current) and not was["autoRepair"]:
            wanted["management"] = {"autoRepair": False}
        return {"spec": wanted} if wanted else None

    edit(cluster, NODE_POOLS, hosted.namespace, name, epochs.taking_off(change, epoch))


def _set_derived(
    cluster: ManagementCluster,
    state: SourceState,
    guard: Callable[[epochs.Change, int], epochs.Change],
    epoch: int,
    *,
    paused_until: str | None,
    cluster_paused: bool,
) -> None:
    """What the operator derives from the HostedCluster's pause."""

    def control_plane(current: Manifest) -> dict[str, Any] | None:
        same = current["spec"].get("pausedUntil") == paused_until
        return None if same else {"spec": {"pausedUntil": paused_until}}

    def capi(current: Manifest) -> dict[str, Any] | None:
        same = bool(current["spec"].get("paused")) == cluster_paused
        return None if same else {"spec": {"paused": cluster_paused}}

    hosted = state.hosted_cluster
    namespace = hosted.control_plane_namespace
    edit(cluster, HOSTED_CONTROL_PLANES, namespace, hosted.name, guard(control_plane, epoch))
    edit(cluster, CLUSTERS, namespace, state.infra_id, guard(capi, epoch))
