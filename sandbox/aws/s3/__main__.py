"""`python -m sandbox.aws.s3 PLAN`: S3 of one sandbox; started by `sandbox.aws`, which it asks over its pipes."""

from __future__ import annotations

import os
import ssl
import sys
import tempfile
from pathlib import Path

from sandbox.aws.calls import CallLog
from sandbox.aws.s3.authentication import Authenticator
from sandbox.aws.s3.callers import Callers
from sandbox.aws.s3.server import Server
from sandbox.aws.s3.service import Service
from sandbox.aws.s3.store import Store
from sandbox.pki import create_authority, issue
from sandbox.plan import AWS_PORT, S3_TLS_PORT, Plan
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
    servers = [
        Server(service, plan.s3_address, AWS_PORT),
        Server(service, plan.s3_address, S3_TLS_PORT, _certified(plan)),
    ]
    for each in servers:
        each.start()
    questions.write(b"ready\n")
    questions.flush()
    run_until_terminated()
    for each in servers:
        each.stop()


def _certified(plan: Plan) -> ssl.SSLContext:
    """A certificate for S3's address, of an authority whose own certificate is left for those who have to trust it."""
    authority = create_authority("sandbox-s3")
    pair = issue(authority, "s3", names=[plan.s3_address])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(dir=plan.run) as folder:
        certificate, key = Path(folder) / "crt", Path(folder) / "key"
        certificate.write_bytes(pair.certificate)
        key.write_bytes(pair.key)
        context.load_cert_chain(certificate, key)
    plan.s3_authority.write_bytes(authority.certificate)
    return context


if __name__ == "__main__":
    main(Path(sys.argv[1]))
