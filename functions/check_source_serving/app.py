"""CheckSourceServing: one look whether the source serves as it did."""

from typing import Any

from lifeboat import resuming
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return resuming.check_source_serving(services.source(request), services.store, request)
