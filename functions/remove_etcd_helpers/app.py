"""RemoveEtcdHelpers: delete helper pods and their pull secret, until the pods are gone. The claims stay."""

from typing import Any

from lifeboat import polling
from lifeboat.errors import NotStoppedError
from lifeboat.model import Task
from lifeboat.restore import etcd_volumes
from lifeboat.restore.loading import open_destination
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    return polling.look(
        request.data.get("helpersRemoved"),
        etcd_volumes.remove_helpers(destination),
        topic="removal of helper pods",
        at_most=request.parameters["atMost"],
        error=NotStoppedError,
    )
