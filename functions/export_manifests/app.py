"""ExportManifests: store every object that belongs to the hosted cluster."""

from typing import Any

from lifeboat import exporting
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    return exporting.export_manifests(services.source(request), services.store, services.instances, request)
