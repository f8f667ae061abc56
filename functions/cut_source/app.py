"""CutSource: take from an unreachable source the power over instances, its ways and its names, all written down."""

from typing import Any

from lifeboat.model import Task
from lifeboat.moved import open_move
from lifeboat.runtime import task
from lifeboat.unreachable import cutting
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    move = open_move(services.store, services.signer, request)
    return cutting.cut_off(services.outside, services.source(request), request, move)
