"""StartSnapshot: begin saving etcd in one member's pod, and open the upload."""

from typing import Any

from lifeboat.etcd import steps
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return steps.start_snapshot(services.source(request), services.store, request, services.settings.snapshot_pace)
