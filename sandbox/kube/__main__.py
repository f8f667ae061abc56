"""`python -m sandbox.kube PLAN CLUSTER`: the API server of one management cluster.

SIGUSR1 restarts it on the same data: `api.ready` goes at once, and comes back when it serves again. SIGUSR2 lets it
forget all history, as a real one does every few minutes. While there is a file `api.away` it serves nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import signal
import sys
from pathlib import Path

from sandbox.breaking.api import AWAY, until_gone, until_there
from sandbox.kube.server import ApiServer
from sandbox.plan import Plan

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve until SIGTERM, or until the parent is gone."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        return  # it went before the signal was asked for
    plan = Plan.load(Path(sys.argv[1]))
    asyncio.run(_run(plan, sys.argv[2]))


async def _run(plan: Plan, name: str) -> None:
    until, again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, until.set)
    server = ApiServer(plan, plan.management_cluster(name))
    loop.add_signal_handler(signal.SIGUSR1, again.set)
    loop.add_signal_handler(signal.SIGUSR2, server.store.compact)
    gc.freeze()
    await server.start()
    away = plan.management_cluster(name).folder / AWAY
    working = [asyncio.create_task(_restart(server, again)), asyncio.create_task(_leave(server, away))]
    try:
        await until.wait()
    finally:
        for each in working:
            each.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await server.stop()


async def _leave(server: ApiServer, away: Path) -> None:
    while True:
        await until_there(away)
        await server.restart(lambda: until_gone(away))


async def _restart(server: ApiServer, again: asyncio.Event) -> None:
    while True:
        await again.wait()
        again.clear()
        await server.restart()


if __name__ == "__main__":
    main()
