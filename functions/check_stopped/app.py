"""CheckStopped: one look whether a group of Deployments is gone, its pods included."""

from typing import Any

from lifeboat import quiescing
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return quiescing.check_stopped(services.source(request), services.store, request, services.clock)
