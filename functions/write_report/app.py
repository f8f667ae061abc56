"""WriteReport: write down, signed, what the recovery did."""

from typing import Any

from lifeboat import report
from lifeboat.model import Task
from lifeboat.moved import open_move
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    move = open_move(services.store, services.signer, request)
    composed = report.compose(request.data, move, services.dns, services.instances, services.clock)
    return {"key": report.write(composed, move, services.store, services.signer)}
