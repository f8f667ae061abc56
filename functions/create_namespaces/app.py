"""CreateNamespaces: the HostedCluster's namespace and, marked as ours, the control-plane namespace."""

from typing import Any

from lifeboat.model import Task
from lifeboat.restore.destination import create_namespaces
from lifeboat.restore.loading import open_destination
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    return create_namespaces(destination, request.operation.epoch)
