"""DiscardSnapshot: remove what snapshots of this backup left in the etcd pods and in S3."""

from typing import Any

from lifeboat.etcd import steps
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return steps.discard_snapshot(services.source(request), services.store, request)
