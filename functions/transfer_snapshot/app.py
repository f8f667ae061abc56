"""TransferSnapshot: one look at the snapshot's way to S3; hands over what can go next."""

from typing import Any

from lifeboat.etcd import steps
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return steps.transfer_snapshot(services.source(request), services.store, request)
