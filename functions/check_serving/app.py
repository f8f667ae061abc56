"""CheckServing: does the hosted cluster serve at the destination, with all its nodes?"""

from typing import Any

from lifeboat import polling
from lifeboat.errors import RestoreFailedError
from lifeboat.model import Task
from lifeboat.restore.loading import open_destination
from lifeboat.restore.serving import not_serving
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    return polling.look(
        request.data.get("serving"),
        not_serving(destination, services.clock.now()),
        topic="serving at the destination",
        at_most=request.parameters["atMost"],
        error=RestoreFailedError,
    )
