"""RestoreObjects: create the exported objects of one group, owners by their live UIDs."""

from typing import Any

from lifeboat.model import Task
from lifeboat.restore.destination import assert_own_namespace
from lifeboat.restore.loading import SNAPSHOT_URL, open_destination
from lifeboat.restore.objects import restore_group
from lifeboat.restore.snapshot_url import signing
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    assert_own_namespace(destination)
    if destination.etcd_restore == SNAPSHOT_URL and request.parameters["group"] == "control-plane":
        destination = signing.signed(destination, services.snapshot_urls)
    with signing.unquoted(destination):
        return restore_group(destination, request.parameters["group"])
