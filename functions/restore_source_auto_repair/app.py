"""RestoreSourceAutoRepair: turn autoRepair on again at the source, whose nodes are back."""

from typing import Any

from lifeboat import auto_repair
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    names = auto_repair.restore(services.source(request), request.hosted_cluster, request.operation.id)
    return {"autoRepair": names}
