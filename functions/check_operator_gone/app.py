"""CheckOperatorGone: are the operator's pods gone?"""

from typing import Any

from lifeboat import polling
from lifeboat.errors import NotStoppedError
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.teardown import operator
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    return polling.look(
        request.data.get("operatorGone"),
        operator.running(services.source(request)),
        topic="the operator to stop",
        at_most=request.parameters["atMost"],
        error=NotStoppedError,
    )
