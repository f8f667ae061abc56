"""CheckDeleted: is all of the plan gone? Names what holds the rest."""

from typing import Any

from lifeboat import polling
from lifeboat.errors import NotStoppedError
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.teardown import deletion
from lifeboat.teardown.plan import read_or_refuse
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    source = services.source(request)
    plan = read_or_refuse(services.store, services.signer, request.hosted_cluster, request.operation.id)
    return polling.look(
        request.data.get("gone"),
        deletion.remaining(source, plan),
        topic="deletion",
        at_most=request.parameters["atMost"],
        error=NotStoppedError,
    )
