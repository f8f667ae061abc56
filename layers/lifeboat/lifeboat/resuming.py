"""Put the source back as it was: the safety net of everything that paused it.

Which backup's record says how it was, the HostedCluster's own annotation tells; so resuming needs nothing from the
machine's data but the hosted cluster, the source and the operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifeboat import auto_repair, marker, polling, reconciliation, writers
from lifeboat.errors import ResumeFailedError
from lifeboat.layout import ClusterLayout, hosted_cluster_prefix
from lifeboat.model import BackupKind, Manifest, Task, is_backup_of
from lifeboat.ports import ManagementCluster, ObjectStore
from lifeboat.resources import CLUSTERS, HOSTED_CLUSTERS
from lifeboat.source_state import SourceState, load_source_state

LOOKS = 400
"""Looks of CheckSourceServing before it gives up; three seconds apart. A name that was withdrawn may be missing to the
nodes for 15 minutes more: so long do resolvers remember, by Route53's default, that there is none."""


def resume_if_touched(connect: Callable[[], ManagementCluster], store: ObjectStore, task: Task) -> dict[str, Any]:
    """`resume_source`, unless no start of this operation ever touched the source: then it is not even connected to.

    What a source is like is recorded before the first write to it. So without a record there is nothing to resume, and
    a source that is not registered or does not answer is no failed way back.
    """
    if not task.backup_id and not _was_recorded(store, task):
        return {"touched": False, "resumed": False, "backupId": None, "infraId": None, "autoRepairOff": []}
    return resume_source(connect(), store, task)


def resume_source(cluster: ManagementCluster, store: ObjectStore, task: Task) -> dict[str, Any]:
    """Resume what this operation paused, and remove its marker.

    Answers `{touched, resumed, backupId, infraId, autoRepairOff}`; the last are NodePools whose autoRepair comes
    later. A HostedCluster without this operation's signature is left as it is. Raises ResumeFailedError when the
    record of how it was is missing.
    """
    hosted, operation_id = task.hosted_cluster, task.operation.id
    current = cluster.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    mine = reconciliation.signature(current) if current else None
    backup_id, infra_id, resumed = task.backup_id, task.infra_id, False
    if current and mine and mine.operation_id == operation_id:
        backup_id, infra_id = mine.backup_id, str(current["spec"]["infraID"])
        state = load_source_state(store, ClusterLayout(hosted, infra_id), backup_id)
        if state is None:
            msg = (
                f"{hosted} is paused for backup {backup_id}, but what it was like before is not recorded: scale "
                f"Deployment control-plane-operator in {hosted.control_plane_namespace} up and set "
                "spec.pausedUntil of the HostedCluster and its NodePools to null by hand"
            )
            raise ResumeFailedError(msg)
        resumed = reconciliation.resume(cluster, state, operation_id, task.operation.epoch)
    marker.unmark(cluster, operation_id)
    return {
        "touched": True,
        "resumed": resumed,
        "backupId": backup_id,
        "infraId": infra_id,
        "autoRepairOff": _names(auto_repair.resting(cluster, hosted, operation_id)),
    }


def check_source_serving(cluster: ManagementCluster, store: ObjectStore, task: Task) -> dict[str, Any]:
    """One look whether the source serves as it did, and its nodes are as healthy as they were.

    The answer of `resume_source` stands at `$.resumed`, the previous one of this at `$.serving`. Parameter
    `steadyLooks`: so many looks in a row must find all well before autoRepair may be turned on again, because a node
    that is away looks well until kube-controller-manager has missed its lease for 40 s or more.

    Raises ResumeFailedError after the last look, naming the NodePools whose autoRepair is still off.
    """
    resumed = task.data.get("resumed") or {}
    backup_id, infra_id = resumed.get("backupId") or task.backup_id, resumed.get("infraId") or task.infra_id
    state = None
    if backup_id and infra_id:
        state = load_source_state(store, ClusterLayout(task.hosted_cluster, infra_id), backup_id)
    waiting = _waiting_for(cluster, state, task.operation.id) if state else []
    resting = auto_repair.resting(cluster, task.hosted_cluster, task.operation.id)
    waiting += auto_repair.not_healthy(resting, state.node_pools if state else {})
    previous = task.data.get("serving") or {}
    steady = 0 if waiting else previous.get("steady", 0) + 1
    wanted = int(task.parameters.get("steadyLooks", 1)) if resting else 1
    if not waiting and steady < wanted:
        waiting = [f"the nodes to stay healthy ({steady} of {wanted} looks)"]
    try:
        answer = polling.look(
            previous,
            waiting,
            topic=f"{task.hosted_cluster} serving at {cluster.name} as before",
            at_most=LOOKS,
            error=ResumeFailedError,
        )
    except ResumeFailedError as error:
        if not resting:
            raise
        msg = (
            f"{error}; autoRepair of NodePool {', '.join(_names(resting))} is still off: once its nodes are back, "
            "start again with the same operationId, or set spec.management.autoRepair to true and remove the "
            f"annotation {auto_repair.ANNOTATION}"
        )
        raise ResumeFailedError(msg) from None
    return {**answer, "steady": steady}


def _was_recorded(store: ObjectStore, task: Task) -> bool:
    """Whether any start of this operation recorded this source for a backup that stops it."""
    hosted = task.hosted_cluster
    layouts = [ClusterLayout(hosted, infra_id) for infra_id in store.folders(hosted_cluster_prefix(hosted))]
    states = [
        load_source_state(store, layout, backup_id)
        for layout in layouts
        for backup_id in store.folders(layout.backups)
        if is_backup_of(backup_id, BackupKind.QUIESCED, task.operation.id)
    ]
    return any(state is not None and state.source == task.source for state in states)


def _waiting_for(cluster: ManagementCluster, state: SourceState, operation_id: str) -> list[str]:
    hosted = state.hosted_cluster
    current = cluster.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    if current is None:
        return [f"HostedCluster {hosted} (it is gone)"]
    found = []
    mine = reconciliation.signature(current)
    if mine and mine.operation_id == operation_id:
        found.append(f"HostedCluster {hosted} without the pause of {operation_id}")
    capi = cluster.get(CLUSTERS, hosted.control_plane_namespace, state.infra_id)
    # Paused by somebody else meanwhile, the Cluster is paused by the operator: none of our business.
    as_before = current["spec"].get("pausedUntil") == state.paused_until
    if as_before and capi and bool(capi["spec"].get("paused")) != state.cluster_paused:
        found.append(f"Cluster {state.infra_id} paused={state.cluster_paused}")
    found += writers.not_ready(cluster, hosted.control_plane_namespace, state.replicas, state.ready_replicas)
    if state.available and not _available(current):
        found.append(f"HostedCluster {hosted} Available")
    return found


def _names(manifests: list[Manifest]) -> list[str]:
    return [each["metadata"]["name"] for each in manifests]


def _available(hosted_cluster: Manifest) -> bool:
    conditions = (hosted_cluster.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Available" and each["status"] == "True" for each in conditions)
