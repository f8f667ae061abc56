"""CheckOwners: prove that every object, owner and instance id of the backup is there."""

from typing import Any

from lifeboat.model import Task
from lifeboat.restore.loading import open_destination
from lifeboat.restore.objects import check_owners
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    return check_owners(destination)
