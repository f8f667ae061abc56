"""A recovery meets somebody else at work on its hosted cluster: stop what may be stopped, wait if asked to, or refuse.

An online backup of the same cluster is stopped: it has changed nothing that anybody rests on, and what it leaves in
etcd's pods and in S3 goes when the recovery's own snapshot starts. Never one that is quiesced, since it has paused the
source and means to resume it; never a nested one, which is its parent's. What it runs on, and of which kind it is, is
read of the execution itself, not of its name.
"""

from __future__ import annotations

from typing import Any

from lifeboat import polling
from lifeboat.errors import LeaseHeldError
from lifeboat.model import BackupKind, Task
from lifeboat.ports import Execution, Executions, Leases

SOON = 2
"""Seconds after which a lease is tried again that should be free by then."""
LATER = 30
"""Seconds between two looks at a holder that is waited for."""
LOOKS = 2880
"""Looks at a holder before patience ends: a day."""


def meet(leases: Leases, executions: Executions, task: Task) -> dict[str, Any]:
    """One look at who holds the lease: `{wait, waitingFor, stopped, attempt}`; in `wait` seconds it is tried again.

    The previous answer stands at `$.conflict`. Raises LeaseHeldError, naming the holder, unless it is gone, may be
    stopped, or `onConflict` says `wait` (then after a day).
    """
    hosted = str(task.hosted_cluster)
    current = leases.read(hosted)
    holder = executions.describe(current.execution or "") if current and current.holder else None
    waiting, stopped = "", None
    if current and holder and holder.status == "RUNNING":
        waiting = f"operation {current.holder} ({holder.arn}) to give back the lease of {hosted}"
        if _may_be_stopped(holder, task):
            executions.stop(holder.arn, f"operation {task.operation.id} recovers this hosted cluster")
            stopped = holder.arn
        elif task.data.get("onConflict") != "wait":
            msg = (
                f"{hosted} is in the hands of operation {current.holder} ({holder.arn}), nothing was changed: wait "
                "until it ends, or stop it, or start with onConflict `wait`"
            )
            raise LeaseHeldError(msg)
    answer = polling.look(
        task.data.get("conflict"), [waiting or "the lease"], topic=hosted, at_most=LOOKS, error=LeaseHeldError
    )
    return {**answer, "stopped": stopped, "wait": LATER if waiting and not stopped else SOON}


def _may_be_stopped(holder: Execution, task: Task) -> bool:
    """Whether it is an online backup that somebody started by itself."""
    machine = holder.arn.rsplit(":", 1)[0]
    ours = task.operation.execution.rsplit(":", 1)[0].removesuffix("recover") + "backup"
    kind = holder.input.get("kind", BackupKind.ONLINE.value)
    return machine == ours and kind == BackupKind.ONLINE.value and "operation" not in holder.input
