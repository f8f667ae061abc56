"""CheckCut: does anything still lead to the source? Several looks in a row must find nothing."""

from typing import Any

from lifeboat.model import Task
from lifeboat.moved import open_move
from lifeboat.runtime import task
from lifeboat.unreachable import proving
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    return proving.check(services.outside, request, open_move(services.store, services.signer, request))
