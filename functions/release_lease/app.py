"""ReleaseLease: give the hosted cluster's lease back, unless a parent holds it."""

from typing import Any

from lifeboat import lease
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    lease.release(services.leases, request)
    return {"released": not request.operation.is_nested}
