"""PreflightDestination: is the destination fit? Tells all problems at once, changes nothing."""

from typing import Any

from lifeboat.model import Task
from lifeboat.restore.loading import open_destination
from lifeboat.restore.preflight import Outside, preflight
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    outside = Outside(services.region, services.documents, services.keys, services.instances, services.signs_urls)
    return preflight(destination, services.source(request), outside)
