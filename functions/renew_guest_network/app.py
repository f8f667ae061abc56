"""RenewGuestNetwork: renew the network pods of the guest, one node at a time."""

import datetime
from typing import Any

from lifeboat import guest, polling
from lifeboat.errors import VerificationError
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    waiting: list[str] = []
    if guest.needs_new_network(services.destination(request), request.hosted_cluster):
        since = datetime.datetime.fromisoformat(request.data["fence"]["observedAt"])
        waiting = guest.renew_network(services.guest(request), since)
    return polling.look(
        request.data.get("guestNetwork"),
        waiting,
        topic="the guest's network pods",
        at_most=request.parameters["atMost"],
        error=VerificationError,
    )
