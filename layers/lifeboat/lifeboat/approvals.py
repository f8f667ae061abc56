"""People say yes or no before a recovery begins, and before an etcd is saved that has no quorum.

Waiting for the first holds no lease; the second waits within its operation's lease, so not as long.

Step Functions gives a token to whoever is to answer. It is a bearer: no function may read it back (their rights leave
out the keys `approval#…`), it is not published, and the machines that ask log no execution data. By its nature it
stands in the history of the waiting execution: whoever may read that history (states:GetExecutionHistory) can answer
while it waits.
The notification names the execution; `lifeboat approve` fetches the token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from lifeboat.model import Task
from lifeboat.unreachable import told

SECONDS = 24 * 3600
"""How long a recovery waits; the machine's own timeout says the same."""
SECONDS_WITHOUT_QUORUM = 2 * 3600
"""How long a backup waits, as its machine's timeout says: within its lease, which lasts three hours."""


class Approvals(Protocol):
    """Where tokens wait, and how people are told."""

    def keep(self, execution: str, token: str, seconds: int) -> None: ...

    def notify(self, subject: str, message: str) -> None: ...


def ask(approvals: Approvals, task: Task) -> dict[str, Any]:
    """Keep the token of an execution that waits and tell what it will do. Asking twice keeps the newer token.

    Parameter `about`: `quorum` for a backup whose etcd has none; otherwise it is a recovery.
    """
    if task.parameters.get("about") == "quorum":
        return _without_quorum(approvals, task)
    return _without_source(approvals, task) if "unreachableSource" in task.data else _recovery(approvals, task)


def _recovery(approvals: Approvals, task: Task) -> dict[str, Any]:
    return _ask(
        approvals,
        task,
        SECONDS,
        f"Lifeboat: approve the recovery of {task.hosted_cluster}?",
        f"Hosted cluster {task.hosted_cluster} is to move from {task.source} to {task.destination}.\n"
        "Its API will be away for some minutes; its workers run on. Then it is deleted at the source.\n\n"
        f"{_planned(task.data.get('plan') or {})}",
        "Unanswered, it ends after a day and nothing is changed.",
    )


def _planned(plan: Mapping[str, Any]) -> str:
    """What was planned: figures, what has to be known, the first lines, and where the rest is."""
    if not plan.get("digest"):
        return "It goes on with what an earlier start of this operation has begun, so there is no plan of it."
    counts = ", ".join(f"{number} {what}" for what, number in plan["counts"].items())
    known = [f"TO BE APPROVED: {each}" for each in plan["approve"]]
    more = plan["writes"] - len(plan["first"])
    lines = [f"The plan has {plan['writes']} writes: {counts}.", *known, "It begins with", *plan["first"]]
    rest = f"and {more} more: {plan['key']} in the backup bucket has them all, signed. Its digest: {plan['digest']}"
    return "\n".join([*lines, rest, "What would be done otherwise once it is approved is refused."])


def _without_source(approvals: Approvals, task: Task) -> dict[str, Any]:
    return _ask(
        approvals,
        task,
        SECONDS,
        f"Lifeboat: approve the recovery of {task.hosted_cluster}, with loss of data?",
        told.text(task),
        "Unanswered, it ends after a day and nothing is changed.",
    )


def _without_quorum(approvals: Approvals, task: Task) -> dict[str, Any]:
    return _ask(
        approvals,
        task,
        SECONDS_WITHOUT_QUORUM,
        f"Lifeboat: approve a backup of {task.hosted_cluster} without quorum?",
        f"Hosted cluster {task.hosted_cluster} at {task.source} is to be saved ({task.data['kind']}), operation "
        f"{task.operation.id}.\n{task.data['backup']['etcd']['approvalNeeded']}.\n"
        "A quiesced backup may be the first half of a move: then the hosted cluster goes on with this data.\n"
        "If more members of etcd can be brought back, reject, mend etcd, start again.",
        "Unanswered, it ends after two hours and nothing is changed.",
    )


def _ask(approvals: Approvals, task: Task, seconds: int, subject: str, about: str, unanswered: str) -> dict[str, Any]:
    execution = task.operation.execution
    approvals.keep(execution, task.parameters["token"], seconds)
    commands = f"lifeboat approve {execution}\nlifeboat reject {execution}"
    approvals.notify(subject, f"{about}\n\n{commands}\n\n{unanswered}\n")
    return {"asked": True}
