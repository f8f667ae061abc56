"""PinBackup: keep what was approved, once the source was looked at again and nothing better has come."""

from typing import Any

from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.unreachable import pinning
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return pinning.pin(services.outside, services.source(request), request)
