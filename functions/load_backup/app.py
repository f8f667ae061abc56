"""LoadBackup: find the backup to restore and prove that it is whole."""

from typing import Any

from lifeboat.model import Task
from lifeboat.restore import loading
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    return loading.load(services.store, services.signer, request)
