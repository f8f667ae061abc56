"""`python -m sandbox.aws PLAN`: AWS of one sandbox, until SIGTERM or the end of its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from pathlib import Path

from sandbox.aws.server import Server
from sandbox.plan import Plan

_PR_SET_PDEATHSIG = 1


def main(plan_path: Path) -> None:
    """Serve, and say so in `<run>/aws.ready`."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the parent ended while this process started")
    ended = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: ended.set())
    plan = Plan.load(plan_path)
    server = Server(plan)
    server.start()
    (plan.run / "aws.ready").write_text(plan.aws_url + "\n", encoding="utf-8")
    ended.wait()
    server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
