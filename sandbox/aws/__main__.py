"""`python -m sandbox.aws PLAN`: AWS of one sandbox, until SIGTERM or the end of its parent."""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox.aws.server import Server
from sandbox.plan import Plan
from sandbox.process import run_until_terminated


def main(plan_path: Path) -> None:
    """Serve, and say so in `<run>/aws.ready`."""
    plan = Plan.load(plan_path)
    server = Server(plan)
    server.start()
    (plan.run / "aws.ready").write_text(plan.aws_url + "\n", encoding="utf-8")
    run_until_terminated()
    server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
