"""StartUpload: begin the upload of the snapshot from its pod, by a URL that takes these bytes only."""

from typing import Any

from lifeboat.etcd import steps
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return steps.start_upload(services.source(request), services.store, request)
