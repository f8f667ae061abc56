"""RelinkOwners: set the owner references whose owners came later."""

from typing import Any

from lifeboat.model import Task
from lifeboat.restore.loading import open_destination
from lifeboat.restore.objects import destination_links
from lifeboat.restore.order import ALL
from lifeboat.restore.relink import relink
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    return relink(destination_links(destination), ALL, destination.namespace)
