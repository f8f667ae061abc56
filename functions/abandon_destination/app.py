"""AbandonDestination: take back what this operation made, unless the HostedCluster exists already."""

from typing import Any

from lifeboat import polling
from lifeboat.errors import NotStoppedError
from lifeboat.model import Task
from lifeboat.restore.abandon import abandon
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    result = abandon(services.destination(request), request.hosted_cluster, request.operation.id)
    answer = polling.look(
        request.data.get("abandoned"),
        [result["waitingFor"]] if result["waitingFor"] else [],
        topic="clean-up of the destination",
        at_most=request.parameters["atMost"],
        error=NotStoppedError,
    )
    return {**answer, "handedOver": result["handedOver"]}
