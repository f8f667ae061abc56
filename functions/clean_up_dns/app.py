"""CleanUpDns: delete the Routes at the source, so that its ExternalDNS withdraws the names."""

from typing import Any

from lifeboat import dns
from lifeboat.model import Task
from lifeboat.moved import open_move
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    move = open_move(services.store, services.signer, request)
    gone = dns.withdraw(services.source(request), services.store, services.signer, move, request.operation.id)
    return {"routes": gone.routes, "services": gone.services}
