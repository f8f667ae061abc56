"""FenceUnreachableSource: prove the cut once more and sign it, with by whose leave."""

from typing import Any

from lifeboat.model import Task
from lifeboat.moved import open_move
from lifeboat.runtime import task
from lifeboat.unreachable import fencing
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    move = open_move(services.store, services.signer, request)
    return fencing.make(services.outside, services.source(request), request, move)
