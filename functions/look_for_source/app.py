"""LookForSource: does a source answer that is said to be unreachable? One answer ends the recovery."""

from typing import Any

from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.unreachable import looking
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    return looking.look(services.source(request), services.store, services.signer, request)
