"""ReleaseOperator: give up our hold, unless something of this cluster is still being deleted."""

from typing import Any

from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.teardown import deletion, operator
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    source = services.source(request)
    deletion.assert_nothing_terminating(source, request.hosted_cluster)
    return operator.release(source, request.operation.id)
