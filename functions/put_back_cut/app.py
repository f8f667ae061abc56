"""PutBackCut: give the source back what was cut, and its instances' freedom once it answers as it did."""

from typing import Any

from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.unreachable import putting_back
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return putting_back.put_back(services.outside, request)
