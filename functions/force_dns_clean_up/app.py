"""ForceDnsCleanUp: delete exactly these names in Route53, where the source's ExternalDNS does not."""

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
    return {
        "deleted": dns.force(
            services.source(request),
            services.dns,
            services.store,
            services.signer,
            move,
            request.operation.id,
        )
    }
