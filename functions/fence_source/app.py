"""FenceSource: observe the stopped source and sign what was seen."""

from typing import Any

from lifeboat import fence
from lifeboat.model import Task
from lifeboat.moved import open_move
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    move = open_move(services.store, services.signer, request)
    return fence.make(
        services.source(request),
        services.dns,
        services.store,
        services.signer,
        services.clock,
        request,
        move,
    )
