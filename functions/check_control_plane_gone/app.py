"""CheckControlPlaneGone: are its pods gone, Cluster API's above all?"""

from typing import Any

from lifeboat import polling
from lifeboat.errors import NotStoppedError
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.teardown import control_plane
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    return polling.look(
        request.data.get("controlPlaneGone"),
        control_plane.running(services.source(request), request.hosted_cluster),
        topic="the control plane to stop",
        at_most=request.parameters["atMost"],
        error=NotStoppedError,
    )
