"""People decide before anything happens; the token that carries their answer goes nowhere else."""

import os
import subprocess
import sys

from sandbox.plan import REGION
from sandbox.proof import secrecy


def lifeboat(sandbox, *arguments):
    """Run the CLI as an operator would; what it printed."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": sandbox.plan.aws_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": sandbox.plan.access_key_id,
        "AWS_SECRET_ACCESS_KEY": sandbox.plan.secret_access_key,
    }
    command = [sys.executable, "-c", "from lifeboat_cli.main import main; raise SystemExit(main())", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_rejected_recovery_changes_nothing(operations, sandbox):
    """While people are asked no lease is held; after a rejection the source is as it was; no log holds the token."""
    before = operations.source()
    arn = operations.start("recover", source="mgmt-1", destination="mgmt-2", name="please")
    operations.wait_for_state(arn, "AskForApproval")
    token = operations.token_of(arn)
    backup = operations.run("backup", source="mgmt-1")
    assert backup.status == "SUCCEEDED", "waiting for an approval holds no lease"
    lifeboat(sandbox, "reject", "please")
    ended = operations.end_of(arn)
    assert ended.status == "FAILED"
    assert operations.source() == before
    leaks = secrecy.leaks(sandbox.plan, sandbox.client("stepfunctions"), [token])
    assert [place for place in leaks if not place.startswith("history of please")] == []
