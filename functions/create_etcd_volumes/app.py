"""CreateEtcdVolumes: one claim per etcd member, and one helper pod per claim in a zone of its own."""

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
    return etcd_volumes.create(destination)
