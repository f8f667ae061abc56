"""`python -m sandbox.envtest PLAN CLUSTER`: the real API of one management cluster."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

from sandbox.client import ApiError
from sandbox.envtest.program import ProgramEndedError
from sandbox.envtest.supervisor import Supervisor
from sandbox.plan import Plan
from sandbox.process import die_with_parent


def main() -> int:
    """Serve until SIGTERM, until the parent is gone, or until a program ends."""
    die_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    try:
        asyncio.run(_run(Plan.load(Path(sys.argv[1])), sys.argv[2]))
    except (ProgramEndedError, ApiError, OSError) as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


async def _run(plan: Plan, name: str) -> None:
    loop = asyncio.get_running_loop()
    until, again = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, until.set)
    loop.add_signal_handler(signal.SIGUSR1, again.set)
    await Supervisor(plan, plan.management_cluster(name)).run(until, again)


if __name__ == "__main__":
    sys.exit(main())
