"""HoldOperator: hold the source's operator at zero replicas for this operation."""

from typing import Any

from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.teardown import operator
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return operator.hold(services.source(request), request.operation.id)
