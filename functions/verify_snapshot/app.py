"""VerifySnapshot: S3 holds what etcd wrote, and nothing was written after it."""

from typing import Any

from lifeboat.etcd import steps
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return steps.verify_snapshot(services.source(request), services.store, request)
