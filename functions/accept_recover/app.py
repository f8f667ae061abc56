"""AcceptRecover: check the input of `recover`. The lease comes after the approval."""

from typing import Any

from lifeboat import acceptance
from lifeboat.runtime import entry
from lifeboat.wiring import Services

services = Services()


@entry
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return acceptance.recover(event, services.registry)
