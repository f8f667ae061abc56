"""MarkSource: leave the documented marker at the source management cluster."""

from typing import Any

from lifeboat import marker
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return {"created": marker.mark(services.source(request), request.operation.id)}
