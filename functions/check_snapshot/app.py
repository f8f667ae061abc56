"""CheckSnapshot: one look whether the snapshot is complete and whole."""

from typing import Any

from lifeboat.etcd import steps
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    return steps.check_snapshot(services.source(request), request)
