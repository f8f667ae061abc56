"""CheckOperatorBack: does the operator run again at its recorded count?"""

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
        request.data.get("operatorBack"),
        operator.not_back(services.source(request)),
        topic="the operator to be back",
        at_most=request.parameters["atMost"],
        error=NotStoppedError,
    )
