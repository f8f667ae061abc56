"""PreflightSource: is the source fit for a backup? Records what it is like; changes nothing there."""

from typing import Any

from lifeboat import preflight_source
from lifeboat.model import Task
from lifeboat.preflight_source import World
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return preflight_source.check(
        World(
            services.source(request),
            services.store,
            services.signer,
            services.dns,
            services.instances,
            services.clock,
        ),
        request,
    )
