"""CheckEtcdRestore: is every etcd volume filled? `lost` asks for a new start."""

from typing import Any

from lifeboat import polling
from lifeboat.errors import RestoreFailedError
from lifeboat.model import Task
from lifeboat.restore import etcd_volumes
from lifeboat.restore.loading import open_destination
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    waiting, lost, revisions = etcd_volumes.unfinished(destination, request.data["fence"]["revision"])
    answer = polling.look(
        request.data.get("etcdRestored"),
        waiting,
        topic="etcd volumes",
        at_most=request.parameters["atMost"],
        error=RestoreFailedError,
    )
    return {**answer, "lost": lost, "revisions": revisions}
