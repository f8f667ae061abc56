"""People decide before anything happens; the token that carries their answer goes nowhere else."""

from sandbox.proof import secrecy
from tests.operations import lifeboat


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
