"""CreateHostedCluster: create the HostedCluster, unpaused. From here on the destination owns it."""

from typing import Any

from lifeboat import lease
from lifeboat.model import Task
from lifeboat.moved import open_move
from lifeboat.restore.hosted_cluster import create_hosted_cluster
from lifeboat.restore.loading import open_destination
from lifeboat.restore.snapshot_url import signing
from lifeboat.runtime import task
from lifeboat.unreachable import fencing
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    destination = signing.held(
        open_destination(services.destination(request), services.store, services.signer, request)
    )

    def last_look() -> None:
        move = open_move(services.store, services.signer, request)
        source = services.management_cluster(move.record.source)
        fencing.seal(services.outside, source, request, move)
        fencing.check(services.outside, source, request, move)
        lease.claim(services.leases, request, str(request.destination), instead_of=move.record.source)

    now = services.clock.now()
    if destination.snapshot_url is not None and destination.live_hosted_cluster() is None:
        signing.refuse_expiring(destination, now)
    with signing.unquoted(destination):
        return create_hosted_cluster(destination, now, last_look)
