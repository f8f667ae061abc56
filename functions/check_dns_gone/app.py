"""CheckDnsGone: are the public names, and their ownership, gone from Route53?"""

from typing import Any

from lifeboat import dns, polling
from lifeboat.errors import NotStoppedError
from lifeboat.model import Task
from lifeboat.moved import open_move
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    move = open_move(services.store, services.signer, request)
    left = sorted({each.name for each in dns.records_of(services.dns, move.state.hostnames)})
    return polling.look(
        request.data.get(request.parameters["loop"]),
        [f"{name} to leave Route53" for name in left],
        topic="public names at the source",
        at_most=request.parameters["atMost"],
        error=NotStoppedError,
    )
