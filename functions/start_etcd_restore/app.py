"""StartEtcdRestore: start download and restore of the snapshot in every helper pod, detached."""

from typing import Any

from lifeboat.model import Task
from lifeboat.restore import etcd_volumes
from lifeboat.restore.loading import open_destination
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    revision = request.data["fence"]["revision"]
    return etcd_volumes.start(destination, services.store, request.operation.epoch, revision=revision)
