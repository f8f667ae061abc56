"""DeleteObjects: delete by uid what the plan names."""

from typing import Any

from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.teardown import deletion
from lifeboat.teardown.plan import read_or_refuse
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    source = services.source(request)
    plan = read_or_refuse(services.store, services.signer, request.hosted_cluster, request.operation.id)
    return deletion.delete_objects(source, plan)
