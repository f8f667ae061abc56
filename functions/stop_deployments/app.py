"""StopDeployments: scale one group of Deployments (`controllers`, `writers`) to zero."""

from typing import Any

from lifeboat import quiescing
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return quiescing.stop_deployments(services.source(request), request)
