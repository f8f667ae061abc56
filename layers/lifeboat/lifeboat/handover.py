"""The point of no return: the HostedCluster exists at the destination, and with it the destination owns the cluster."""

from __future__ import annotations

from typing import Any

from lifeboat import fence
from lifeboat.errors import NotStoppedError, PreflightError
from lifeboat.model import Task
from lifeboat.ports import Executions, ManagementCluster, ObjectStore, Signer
from lifeboat.resources import HOSTED_CLUSTERS


def look(
    destination: ManagementCluster, store: ObjectStore, signer: Signer, executions: Executions, task: Task
) -> dict[str, Any]:
    """`{destinationOwns}`; when it does, also the `backup` and the `fence` by which this operation got there.

    And `startedAt`, when the operation began.

    Raises PreflightError when a HostedCluster of that name is there that this operation did not bring, and
    NotStoppedError when there is none but the nested restore that may create it still runs.
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


def nested_restore(execution: str) -> str:
    """ARN of the restore that a recovery starts: of the machine beside its own, named after it."""
    head, machine, name = execution.rsplit(":", 2)
    return f"{head}:{machine.removesuffix('recover')}restore:{name}-restore"
