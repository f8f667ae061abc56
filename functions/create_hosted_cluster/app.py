"""CreateHostedCluster: create the HostedCluster, unpaused. From here on the destination owns it."""

from typing import Any

from lifeboat import lease
from lifeboat.model import Task
from lifeboat.moved import open_move
from lifeboat.restore.hosted_cluster import create_hosted_cluster
from lifeboat.restore.loading import open_destination
from lifeboat.runtime import task
from lifeboat.unreachable import fencing
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)

    def last_look() -> None:
        move = open_move(services.store, services.signer, request)
        fencing.check(services.outside, services.management_cluster(move.record.source), request, move)
        lease.assert_held(services.leases, request)  # the fence has taken its time

    return create_hosted_cluster(destination, services.clock.now(), last_look)
