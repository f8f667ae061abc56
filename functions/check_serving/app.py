"""CheckServing: does the hosted cluster serve at the destination, with all its nodes?

Guards them meanwhile, and gives room to an etcd that was saved without any.
"""

from typing import Any

from lifeboat import polling
from lifeboat.errors import RestoreFailedError
from lifeboat.model import Task
from lifeboat.restore import guarding, making_room
from lifeboat.restore.loading import open_destination
from lifeboat.restore.serving import not_serving
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    previous, now = request.data.get("serving"), services.clock.now()
    guarding.hold_updates(destination)
    guarding.release_next(destination, now)
    if previous and previous["attempt"] >= guarding.PATIENCE:
        guarding.unpause_cluster_api(destination, now)
    awaited = making_room.step(destination.cluster, destination.record)
    return polling.look(
        previous,
        [*awaited, *not_serving(destination, now)],
        topic="serving at the destination",
        at_most=request.parameters["atMost"],
        error=RestoreFailedError,
    )
