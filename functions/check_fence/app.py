"""CheckFence: prove that the source is fenced, by the signed record and by looking again."""

from typing import Any

from lifeboat.model import Task
from lifeboat.moved import open_move
from lifeboat.restore.loading import open_destination
from lifeboat.runtime import task
from lifeboat.unreachable import fencing
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    move = open_move(services.store, services.signer, request)
    source = services.management_cluster(move.record.source)
    handed_over = destination.live_hosted_cluster() is not None
    return fencing.check(services.outside, source, request, move, handed_over=handed_over)
