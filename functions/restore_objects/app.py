"""RestoreObjects: create the exported objects of one group, owners by their live UIDs."""

from typing import Any

from lifeboat.model import Task
from lifeboat.restore.destination import assert_own_namespace
from lifeboat.restore.loading import open_destination
from lifeboat.restore.objects import restore_group
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    assert_own_namespace(destination)
    return restore_group(destination, request.parameters["group"])
