"""CheckPointOfNoReturn: does the HostedCluster exist at the destination, and is it this operation's?"""

from typing import Any

from lifeboat import handover
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    ask = request.parameters.get("beforeAnything") and "unreachableSource" not in request.data
    source = services.source(request) if ask else None
    destination = services.destination(request)
    return handover.look(source, destination, services.store, services.signer, services.executions, request)
