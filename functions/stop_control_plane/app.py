"""StopControlPlane: scale everything in the control-plane namespace to zero."""

from typing import Any

from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.teardown import control_plane
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return control_plane.stop(services.source(request), request.hosted_cluster)
