"""CheckSnapshotRestored: has etcd restored itself from its URL, and rolled? Stops the hosted cluster when it failed."""

from typing import Any

from lifeboat import polling
from lifeboat.errors import RestoreFailedError
from lifeboat.model import Task
from lifeboat.restore.loading import open_destination
from lifeboat.restore.snapshot_url import checking
from lifeboat.restore.snapshot_url.stopping import stopping
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    with stopping(destination):
        return polling.look(
            request.data.get("snapshotRestored"),
            checking.unfinished(destination, services.clock.now()),
            topic="etcd's restore from its snapshot's URL",
            at_most=request.parameters["atMost"],
            error=RestoreFailedError,
        )
