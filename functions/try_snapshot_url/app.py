"""TrySnapshotUrl: does the URL from which etcd will restore itself open the snapshot, and for long enough?"""

from typing import Any

from lifeboat.model import Task
from lifeboat.restore.loading import open_destination
from lifeboat.restore.snapshot_url import signing
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    return signing.try_out(signing.held(destination), services.opened_urls, services.clock.now())
