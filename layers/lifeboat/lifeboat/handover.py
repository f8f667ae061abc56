"""The point of no return: the HostedCluster exists at the destination, and with it the destination owns the cluster."""

from __future__ import annotations

from typing import Any

from lifeboat import fence, versions
from lifeboat.errors import NotStoppedError, PreflightError
from lifeboat.model import Task
from lifeboat.ports import Executions, ManagementCluster, ObjectStore, Signer
from lifeboat.reconciliation import signature
from lifeboat.resources import HOSTED_CLUSTERS


def look(
    source: ManagementCluster | None,
    destination: ManagementCluster,
    store: ObjectStore,
    signer: Signer,
    executions: Executions,
    task: Task,
) -> dict[str, Any]:
    """`{destinationOwns}`; when it does, also the `backup` and the `fence` by which this operation got there.

    And `startedAt`, when the operation began. `source` is asked once, before anything happened; after a failure it is
    None: whether it may be resumed must not hang on its answer.

    Raises PreflightError when a HostedCluster of that name is there that this operation did not bring, or when the
    destination stores older versions than the source, before anything was changed; NotStoppedError when there is no
    HostedCluster but the nested restore that may create it still runs.
    """
    hosted = task.hosted_cluster
    nested = nested_restore(task.operation.execution)
    restore = executions.describe(nested)  # before the look at the destination: afterwards it could not be trusted
    if destination.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name) is None:
        if restore is not None and restore.status == "RUNNING":
            msg = (
                f"{nested} still runs and may create HostedCluster {hosted} on {destination.name} at any moment: wait "
                "until it has ended"
            )
            raise NotStoppedError(msg)
        if source is not None:
            _refuse_older(source, destination, task)
        return {"destinationOwns": False}
    found = fence.of_operation(store, signer, hosted, task.operation.id)
    if found is None:
        msg = (
            f"{destination.name} has a HostedCluster {hosted} that operation {task.operation.id} did not bring: is it "
            "the destination of an earlier recovery? Then start that one again with its operationId"
        )
        raise PreflightError(msg)
    key, payload = found
    return {
        "destinationOwns": True,
        "backup": {each: payload[each] for each in ("backupId", "infraId", "recordSha256")} | payload["backup"],
        "startedAt": payload["startedAt"],
        "fence": {"key": key, "observedAt": payload["observedAt"]},
    }


def _refuse_older(source: ManagementCluster, destination: ManagementCluster, task: Task) -> None:
    """At the first start only: a source that is paused by this operation is resumed when its restore is refused."""
    live = source.get(HOSTED_CLUSTERS, task.hosted_cluster.namespace, task.hosted_cluster.name)
    mine = signature(live) if live else None
    if live is None or (mine and mine.operation_id == task.operation.id):
        return
    if problems := list(versions.not_taken(destination, versions.of(source))):
        msg = f"{destination.name} cannot take {task.hosted_cluster}, nothing was changed: {'; '.join(problems)}"
        raise PreflightError(msg)


def nested_restore(execution: str) -> str:
    """ARN of the restore that a recovery starts: of the machine beside its own, named after it."""
    head, machine, name = execution.rsplit(":", 2)
    return f"{head}:{machine.removesuffix('recover')}restore:{name}-restore"
