"""`python -m sandbox.kube PLAN CLUSTER`: the API server of one management cluster."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import signal
import sys
from pathlib import Path

from sandbox.kube.server import serve
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
    until = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, until.set)
    gc.freeze()
    await serve(plan, plan.management_cluster(name), until)


if __name__ == "__main__":
    main()
