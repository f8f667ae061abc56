"""One owner per hosted cluster: who may act, and how a late twin is told.

A lease outlives the longest wait between two tasks. Each guarded task renews it; the machine's last state releases
it. A holder whose execution is no longer running (aborted, timed out) is taken over at once: its epoch is then old,
and whatever of it still runs stops at its next task, or at the first object of the source that bears a newer epoch.

**Clocks decide nothing while Step Functions knows the holder.** One that runs keeps its lease, however long ago it
renewed it: a fast clock, or a wait that nobody thought of, must not put two at work. One that has ended loses it at
once. Only where Step Functions knows nothing of the holder (its history is gone) the lease's own end counts, and
`SKEW` on top of it.

The lease also names the *owner*: the management cluster that runs the hosted cluster, or is about to. Restore claims it
right before it makes the HostedCluster, by a conditional write of its epoch; who resumes a source asks for it. So
going on and going back exclude each other, whatever sleeps in between.
"""

from __future__ import annotations

from lifeboat.errors import (
    LeaseHeldError,
    LeaseLostError,
    PreflightError,
    RestoreFailedError,
    ResumeFailedError,
    TeardownRefusedError,
)
from lifeboat.model import HostedClusterRef, Operation, Task
from lifeboat.ports import Executions, Lease, Leases

SECONDS = 3 * 3600
"""Longer than any machine waits between two guarded tasks."""

SKEW = 900
"""Seconds by which two functions' clocks may differ, generously."""

LATE = 165
"""Seconds after which a creation that was begun is done or dead: the function's timeout, and 65 s for the API server,
which works on a request for up to a minute after its client has gone."""


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
        raise _lost(task)


def release(leases: Leases, task: Task) -> None:
    """Give the lease back, unless a parent holds it; releasing twice does nothing."""
    if not task.operation.is_nested:
        leases.release(str(task.hosted_cluster), task.operation.id, task.operation.epoch)


def is_over(lease: Lease, executions: Executions, now: float) -> bool:
    """Whether a lease that has a holder may be taken over: its execution has ended."""
    holder = executions.describe(lease.execution or "")
    if holder is None:
        return lease.expires_at + SKEW < now
    return holder.status != "RUNNING"


def refuse_another_owner(leases: Leases, hosted_cluster: HostedClusterRef, *allowed: str | None) -> None:
    """Raises PreflightError when another management cluster than these owns the hosted cluster."""
    current = leases.read(str(hosted_cluster))
    if current and current.owner and current.owner not in allowed:
        msg = (
            f"{hosted_cluster} is run by {current.owner} since it was moved, nothing was changed: name {current.owner} "
            "as source (is it a new cluster of the old name? Then remove `owner` from its item in the table of leases)"
        )
        raise PreflightError(msg)


def refuse_owner(leases: Leases, hosted_cluster: HostedClusterRef, source: str) -> None:
    """Raises TeardownRefusedError when this management cluster runs the hosted cluster."""
    current = leases.read(str(hosted_cluster))
    if current and current.owner == source:
        msg = f"{source} runs {hosted_cluster} since it was moved there: it is not torn down, nothing was changed"
        raise TeardownRefusedError(msg)


def is_claimed(leases: Leases, task: Task) -> bool:
    """Whether the hosted cluster was claimed for this task's destination: a HostedCluster may be on its way there."""
    current = leases.read(str(task.hosted_cluster))
    return bool(current and current.owner and current.owner == task.destination)


def is_way_forward_open(leases: Leases, task: Task) -> bool:
    """Whether a HostedCluster may still be on its way to the destination, so that the source is not resumed yet.

    A claim of this task's destination is ended here, once the machine has waited (`$.resumed.claimed`) and has looked
    again (`$.pointOfNoReturn`): then the answer is False. Raises ResumeFailedError when another management cluster
    owns the hosted cluster, or may come to, and this machine does not look there.
    """
    current = leases.read(str(task.hosted_cluster))
    if current is None or current.owner in {None, task.source}:
        return False
    if current.owner != task.destination:
        msg = (
            f"{current.owner} owns {task.hosted_cluster}, or is about to: {task.source} is not resumed. Go on with "
            f"`recover` and operationId {task.operation.id}"
        )
        raise ResumeFailedError(msg)
    absent = (task.data.get("pointOfNoReturn") or {}).get("destinationOwns") is False
    if not (absent and (task.data.get("resumed") or {}).get("claimed")):
        return True
    claim(leases, task, str(task.source), instead_of=str(current.owner))
    return False


def claim(leases: Leases, task: Task, owner: str, instead_of: str) -> None:
    """Name the owner from here on, in one write that only the holder of this epoch can make.

    Raises LeaseLostError when a newer execution has the lease, RestoreFailedError when a third one owns it.
    """
    operation = task.operation
    if leases.claim(str(task.hosted_cluster), operation.id, operation.epoch, owner, instead_of):
        return
    assert_held(leases, task)
    current = leases.read(str(task.hosted_cluster))
    msg = (
        f"{task.hosted_cluster} was claimed for {current.owner if current else None}, not for {owner}: an operation "
        "has one destination; go on there"
    )
    raise RestoreFailedError(msg)


def _lost(task: Task) -> LeaseLostError:
    operation = task.operation
    msg = (
        f"operation {operation.id} (epoch {operation.epoch}) no longer holds the lease of {task.hosted_cluster}: "
        "a newer execution took over, this one must stop"
    )
    return LeaseLostError(msg)
