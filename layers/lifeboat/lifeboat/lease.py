"""One owner per hosted cluster: who may act, and how a late twin is told.

A lease outlives the longest wait between two tasks. Each guarded task renews it; the machine's last state releases
it. A holder whose execution is no longer running (aborted, timed out) is taken over at once: its epoch is then old,
and whatever of it still runs stops at its next task.
"""

from __future__ import annotations

from lifeboat.errors import LeaseHeldError, LeaseLostError
from lifeboat.model import HostedClusterRef, Operation, Task
from lifeboat.ports import Executions, Lease, Leases

SECONDS = 3 * 3600
"""Longer than any machine waits between two guarded tasks."""


def acquire(
    leases: Leases,
    executions: Executions,
    hosted_cluster: HostedClusterRef,
    operation_id: str,
    execution: str,
    now: float,
) -> Operation:
    """Take the lease for an execution; a repeated call of the same execution gets the same epoch.

    Raises LeaseHeldError, naming the holder, while another execution works on this hosted cluster.
    """
    for _ in range(5):
        current = leases.read(str(hosted_cluster))
        if current and current.holder == operation_id and current.execution == execution:
            return Operation(operation_id, current.epoch, execution)
        if current and current.holder and not is_over(current, executions, now):
            msg = (
                f"{hosted_cluster} is in the hands of operation {current.holder} ({current.execution}): "
                "wait until it ends, or stop it"
            )
            raise LeaseHeldError(msg)
        taken = leases.take(str(hosted_cluster), operation_id, execution, SECONDS, current)
        if taken:
            return Operation(operation_id, taken.epoch, execution)
    msg = f"the lease of {hosted_cluster} keeps changing hands: look which operations are running, then try again"
    raise LeaseHeldError(msg)


def inherit(
    leases: Leases, executions: Executions, hosted_cluster: HostedClusterRef, operation: Operation
) -> Operation:
    """Accept the operation that a parent hands to a nested execution.

    Raises LeaseHeldError unless that parent is running and holds the lease with that epoch.
    """
    current = leases.read(str(hosted_cluster))
    parent = executions.describe(operation.parent_execution or "")
    held = current and (current.holder, current.epoch, current.execution) == (
        operation.id,
        operation.epoch,
        operation.parent_execution,
    )
    if not held or parent is None or parent.status != "RUNNING":
        msg = (
            f"`operation` names {operation.parent_execution}, which is not running or does not hold the lease of "
            f"{hosted_cluster}: leave `operation` out, only a parent execution gives it"
        )
        raise LeaseHeldError(msg)
    return operation


def assert_held(leases: Leases, task: Task) -> None:
    """Renew the lease; LeaseLostError when a newer execution has it."""
    operation = task.operation
    if not leases.renew(str(task.hosted_cluster), operation.id, operation.epoch, SECONDS):
        msg = (
            f"operation {operation.id} (epoch {operation.epoch}) no longer holds the lease of {task.hosted_cluster}: "
            "a newer execution took over, this one must stop"
        )
        raise LeaseLostError(msg)


def release(leases: Leases, task: Task) -> None:
    """Give the lease back, unless a parent holds it; releasing twice does nothing."""
    if not task.operation.is_nested:
        leases.release(str(task.hosted_cluster), task.operation.id, task.operation.epoch)


def is_over(lease: Lease, executions: Executions, now: float) -> bool:
    """Whether a lease that has a holder may be taken over: it expired, or its execution has ended."""
    if lease.expires_at < now:
        return True
    holder = executions.describe(lease.execution or "")
    return holder is None or holder.status != "RUNNING"
