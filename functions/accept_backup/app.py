"""AcceptBackup: check the input of `backup`, take or inherit the lease, lay out the machine's data."""

from typing import Any

from lifeboat import acceptance
from lifeboat.runtime import entry
from lifeboat.wiring import Services

services = Services()


@entry
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return acceptance.backup(event, services.registry, services.leases, services.executions, services.clock)
