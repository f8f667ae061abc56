"""PauseSource: pause reconciliation of one hosted cluster at its source, signed by this operation."""

from typing import Any

from lifeboat import quiescing
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return quiescing.pause_source(services.source(request), services.store, request, services.clock)
