"""AbandonDestination: take back what this operation made, unless the HostedCluster exists already."""

from typing import Any

from lifeboat import lease, polling
from lifeboat.errors import NotStoppedError
from lifeboat.model import Task
from lifeboat.restore.abandon import LATE_LOOKS, abandon, look_for_late_creation
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    destination, previous = services.destination(request), request.data.get("abandoned")
    claimed = lease.is_claimed(services.leases, request)
    if claimed and (previous or {}).get("attempt", 0) < LATE_LOOKS:
        result = look_for_late_creation(destination, request.hosted_cluster)
    else:

        def give_back() -> None:
            if claimed:
                source = str(request.source)
                lease.claim(services.leases, request, source, instead_of=str(request.destination))

        operation = request.operation
        result = abandon(destination, request.hosted_cluster, operation.id, operation.epoch, give_back)
    answer = polling.look(
        previous,
        [result["waitingFor"]] if result["waitingFor"] else [],
        topic="clean-up of the destination",
        at_most=request.parameters["atMost"],
        error=NotStoppedError,
    )
    still_claimed = lease.is_claimed(services.leases, request)
    return {**answer, "handedOver": result["handedOver"], "claimed": still_claimed}
