"""CreateNodePools: create the NodePools, autoRepair off until the cluster serves."""

from typing import Any

from lifeboat.model import Task
from lifeboat.restore.hosted_cluster import create_node_pools
from lifeboat.restore.loading import open_destination
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    return create_node_pools(destination, services.clock.now())
