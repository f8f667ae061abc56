"""`python -m sandbox.guest PLAN`: the writer and the worker nodes, until SIGTERM or the end of the parent process."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from sandbox.guest.workers import Workers
from sandbox.guest.writer import Writer
from sandbox.plan import Plan
from sandbox.process import run_until_terminated

_WRITTEN = "blue"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.guest", description=__doc__)
    parser.add_argument("plan", type=Path)
    plan = Plan.load(parser.parse_args().plan)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    workers, writer = Workers(plan), Writer(plan, _WRITTEN)
    workers.start()
    writer.start()
    run_until_terminated()
    writer.stop()
    workers.stop()
    writer.join(5)


if __name__ == "__main__":
    main()
