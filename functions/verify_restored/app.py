"""VerifyRestored: compare what came out at the destination with what went in."""

from typing import Any

from lifeboat import polling
from lifeboat.errors import VerificationError
from lifeboat.model import Task
from lifeboat.moved import open_move
from lifeboat.runtime import task
from lifeboat.verification.restored import Restored, verify
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    move = open_move(services.store, services.signer, request)
    restored = Restored(
        destination=services.destination(request),
        guest=lambda: services.guest(request),
        dns=services.dns,
        instances=services.instances,
        endpoints=services.endpoints,
        documents=services.documents,
        record=move.record,
        state=move.state,
        operation_id=request.operation.id,
    )
    found = verify(restored)
    answer = polling.look(
        request.data.get("verified"),
        found.not_yet,
        topic="the restored hosted cluster",
        at_most=request.parameters["atMost"],
        error=VerificationError,
    )
    return {**answer, "facts": found.facts}
