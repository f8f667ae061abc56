"""CheckFence: prove that the source is fenced, by the signed record and by looking again."""

from typing import Any

from lifeboat import fence
from lifeboat.model import Task
from lifeboat.moved import open_move
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    move = open_move(services.store, services.signer, request)
    return fence.check(services.store, services.signer, services.management_cluster(move.record.source), move)
