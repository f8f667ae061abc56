"""ResumeSource: put the source back as it was recorded, if this operation paused it."""

from typing import Any

from lifeboat import lease, resuming
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    if lease.is_way_forward_open(services.leases, request):
        return {"touched": True, "claimed": True}
    return resuming.resume_if_touched(lambda: services.source(request), services.store, request)
