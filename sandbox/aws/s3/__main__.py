"""`python -m sandbox.aws.s3 PLAN`: S3 of one sandbox; started by `sandbox.aws`, which it asks over its pipes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sandbox.aws.calls import CallLog
from sandbox.aws.s3.authentication import Authenticator
from sandbox.aws.s3.callers import Callers
from sandbox.aws.s3.server import Server
from sandbox.aws.s3.service import Service
from sandbox.aws.s3.store import Store
from sandbox.plan import AWS_PORT, Plan
from sandbox.process import run_until_terminated


def main(plan_path: Path) -> None:
    """Serve, and say so by a line `ready` to the parent."""
    questions = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not speak to the parent
    plan = Plan.load(plan_path)
    callers = Callers(questions, sys.stdin.buffer)
    service = Service(
        Store(plan.run / "s3"), Authenticator(callers.secret_of), CallLog(plan.aws_calls, callers.principal_of)
    )
    server = Server(service, plan.s3_address, AWS_PORT)
    server.start()
    questions.write(b"ready\n")
    questions.flush()
    run_until_terminated()
    server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
