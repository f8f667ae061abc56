"""RenewDnsController: delete the pods of the destination's ExternalDNS, until only new and ready ones are there."""

from typing import Any

from lifeboat import polling
from lifeboat.errors import RestoreFailedError
from lifeboat.model import Task
from lifeboat.restore import dns_controller
from lifeboat.restore.loading import open_destination
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    destination = open_destination(services.destination(request), services.store, services.signer, request)
    previous = request.data.get("dnsController")
    old: list[str] = previous["old"] if previous else []
    waiting: list[str] = []
    if destination.state.hostnames:
        if previous is None:
            old = dns_controller.delete_pods(destination.cluster)
        waiting = dns_controller.waiting_for(destination.cluster, old)
    answer = polling.look(
        previous,
        waiting,
        topic="new pods of ExternalDNS at the destination",
        at_most=request.parameters["atMost"],
        error=RestoreFailedError,
    )
    return {**answer, "old": old}
