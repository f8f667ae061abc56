"""RestoreAutoRepair: give the NodePools back the autoRepair that they had."""

from typing import Any

from lifeboat.model import Task
from lifeboat.restore.hosted_cluster import restore_auto_repair
from lifeboat.restore.loading import open_destination
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    return restore_auto_repair(destination)
