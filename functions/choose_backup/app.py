"""ChooseBackup: the newest verified backup of an unreachable source, with all that people have to know of it."""

from typing import Any

from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.unreachable import choosing
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    return choosing.choose(services.outside, request)
