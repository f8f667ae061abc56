"""ExplainFailure: say what failed innermost, what is true now, and what to do next."""

from typing import Any

from lifeboat import failure
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    return dict(failure.explain(request.data))
