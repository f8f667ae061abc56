"""PreflightTeardown: is deleting at the source safe? Fixes in a signed plan what will be deleted."""

from typing import Any

from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.teardown.preflight import preflight
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return preflight(
        request,
        services.source(request),
        services.management_cluster,
        services.executions,
        services.store,
        services.signer,
        services.clock.now(),
    )
