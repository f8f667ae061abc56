"""TakeLease: make this operation the one owner of its hosted cluster."""

from typing import Any

from lifeboat import acceptance
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    return acceptance.take_lease(request.data, services.leases, services.executions, services.clock)
