"""Bring one hosted cluster at its source to rest: paused, its controllers and writers observed gone."""

from __future__ import annotations

from typing import Any

from lifeboat import polling, reconciliation, writers
from lifeboat.errors import BackupUnprovenError, NotStoppedError
from lifeboat.layout import ClusterLayout
from lifeboat.model import Task
from lifeboat.ports import Clock, ManagementCluster, ObjectStore
from lifeboat.reconciliation import Pause
from lifeboat.source_state import SourceState, load_source_state

LOOKS = 150
"""Looks of CheckStopped before it gives up; two seconds apart."""


def recorded_state(store: ObjectStore, task: Task) -> SourceState:
    """What the preflight recorded; BackupUnprovenError when nothing is: then nothing may be changed."""
    state = None
    if task.infra_id and task.backup_id:
        state = load_source_state(store, ClusterLayout(task.hosted_cluster, task.infra_id), task.backup_id)
    if state is None:
        msg = f"what {task.hosted_cluster} was like is not recorded in backup {task.backup_id}: start again"
        raise BackupUnprovenError(msg)
    return state


def pause_source(cluster: ManagementCluster, store: ObjectStore, task: Task, clock: Clock) -> dict[str, Any]:
    """Pause the hosted cluster in the name of this operation and backup."""
    state = recorded_state(store, task)
    pause = Pause(task.operation.id, str(task.backup_id))
    return reconciliation.pause(cluster, state, pause, clock.now(), task.operation.epoch)


def stop_deployments(cluster: ManagementCluster, task: Task) -> dict[str, Any]:
    """Scale one group (`controllers`, `writers`) to zero."""
    group = str(task.parameters["group"])
    namespace = task.hosted_cluster.control_plane_namespace
    return {"group": group, "scaled": writers.stop(cluster, namespace, writers.GROUPS[group], task.operation.epoch)}


def check_stopped(cluster: ManagementCluster, store: ObjectStore, task: Task, clock: Clock) -> dict[str, Any]:
    """One look whether a group is gone, pods included, and everything that must be paused still is.

    A reconcile that began before the pause may scale a Deployment up or unpause the Cluster once more after us: what
    it undid is done again. Raises NotStoppedError after the last look.
    """
    group = str(task.parameters["group"])
    names = writers.ALL if group == "writers" else writers.GROUPS[group]  # the first group must still be gone as well
    namespace = task.hosted_cluster.control_plane_namespace
    state = recorded_state(store, task)
    waiting = reconciliation.not_paused(cluster, state, task.operation.id)
    if waiting:
        ours = Pause(task.operation.id, str(task.backup_id))
        reconciliation.pause(cluster, state, ours, clock.now(), task.operation.epoch)
    running = writers.still_running(cluster, namespace, names)
    if running:
        writers.stop(cluster, namespace, names, task.operation.epoch)
    return polling.look(
        task.data.get("stopped"),
        [*waiting, *running],
        topic=f"stopping the {group} of {task.hosted_cluster}",
        at_most=LOOKS,
        error=NotStoppedError,
    )
