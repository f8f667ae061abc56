"""RetainBackups: delete the backups that no rule keeps; started by schedule."""

from typing import Any

from lifeboat.retention import running, settings
from lifeboat.runtime import entry, logger
from lifeboat.wiring import Services

services = Services()


@entry
def handler(_event: dict[str, Any]) -> dict[str, Any]:
    given = settings.from_env()
    world = running.World(
        services.store, services.signer, services.leases, services.executions, services.clock, given.machines
    )
    report = running.run(world, given.rules, given.bounds).to_json()
    logger.info("retention has run", **report)
    return report
