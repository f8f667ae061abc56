"""CommitBackup: write the signed record, last of all; without it there is no backup."""

from typing import Any

from lifeboat import capturing
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return capturing.commit_backup(services.source(request), services.store, services.signer, request, services.clock)
