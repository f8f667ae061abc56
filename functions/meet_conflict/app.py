"""MeetConflict: somebody else holds the lease. Stop it if it may be stopped, wait if the recovery was asked to."""

from typing import Any

from lifeboat import conflicts
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    return conflicts.meet(services.leases, services.executions, request)
