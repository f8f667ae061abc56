"""CheckEtcdHelpers: do all helper pods run?"""

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
    return polling.look(
        request.data.get("helpers"),
        etcd_volumes.waiting_helpers(destination),
        topic="helper pods",
        at_most=request.parameters["atMost"],
        error=RestoreFailedError,
    )
