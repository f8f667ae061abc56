"""CheckPointOfNoReturn: does the HostedCluster exist at the destination, and is it this operation's?"""

from typing import Any

from lifeboat import handover
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    source = services.source(request) if request.parameters.get("beforeAnything") else None
    destination = services.destination(request)
    return handover.look(source, destination, services.store, services.signer, services.executions, request)
