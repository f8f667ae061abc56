"""LoadBackup: find the backup to restore and prove that it is whole."""

from typing import Any

from lifeboat.model import Task
from lifeboat.restore import loading
from lifeboat.runtime import logger, task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    loaded = loading.load(services.store, services.signer, request)
    if loaded["skipped"]:
        logger.warning("newer backups are not proven and were passed over", skipped=loaded["skipped"])
    return loaded
