"""People say yes or no before a recovery begins. Waiting for them holds no lease.

Step Functions gives a token to whoever is to answer. It is a bearer: no function may read it back (their rights leave
out the keys `approval#…`), it is not published, and `recover` logs no execution data. By its nature it stands in the
history of the waiting execution: whoever may read that history (states:GetExecutionHistory) can answer while it waits.
The notification names the execution; `lifeboat approve` fetches the token.
"""

from __future__ import annotations

from typing import Any, Protocol

from lifeboat.model import Task

SECONDS = 24 * 3600
"""How long a recovery waits; the machine's own timeout says the same."""


class Approvals(Protocol):
    """Where tokens wait, and how people are told."""

    def keep(self, execution: str, token: str, seconds: int) -> None: ...

    def notify(self, subject: str, message: str) -> None: ...


def ask(approvals: Approvals, task: Task) -> dict[str, Any]:
    """Keep the token of a waiting recovery and tell what it will do. Asking twice keeps the newer token."""
    execution = task.operation.execution
    approvals.keep(execution, task.parameters["token"], SECONDS)
    approvals.notify(
        f"Lifeboat: approve the recovery of {task.hosted_cluster}?",
        f"Hosted cluster {task.hosted_cluster} is to move from {task.source} to {task.destination}.\n"
        "Its API will be away for some minutes; its workers run on. Then it is deleted at the source.\n\n"
        f"lifeboat approve {execution}\n"
        f"lifeboat reject {execution}\n\n"
        "Unanswered, it ends after a day and nothing is changed.\n",
    )
    return {"asked": True}
