"""AskForApproval: keep the token of an execution that waits and tell people what it will do."""

from typing import Any

from lifeboat import approvals
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    return approvals.ask(services.approvals, request)
