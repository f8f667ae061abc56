"""The whole move, last: it ends with `blue` on the other management cluster."""

import time

import pytest

from sandbox.aws.functions import faults
from sandbox.aws.functions.faults import Fault
from sandbox.proof import verdict
from sandbox.proof.observation import observe

RECOVER = {"source": "mgmt-1", "destination": "mgmt-2", "approval": "none"}


@pytest.mark.parametrize("function", ["fence-source", "check-etcd-restore"])
def test_a_move_that_fails_early_goes_back_to_the_source(operations, sandbox, function):
    """Before the destination's HostedCluster exists, a failure resumes the source and leaves nothing behind."""
    before, seen = operations.source(), observe(sandbox, "mgmt-1")
    faults.plant(sandbox.plan, Fault(function, "after"))
    ended = operations.run("recover", **RECOVER)
    assert faults.planted(sandbox.plan) == []
    assert (ended.status, ended.error) == ("FAILED", "PlantedFaultError")
    assert operations.source() == before
    assert operations.serves()
    after = observe(sandbox, "mgmt-1")
    assert after.available == {"mgmt-1": "True", "mgmt-2": "absent"}
    assert after.instances == seen.instances
    assert (after.runs, after.terminations) == (seen.runs, seen.terminations)
    assert after.etcd_secrets == seen.etcd_secrets


def test_the_whole_move(operations, sandbox):
    """Every line of the demo's table is right after `recover`."""
    before = observe(sandbox, "mgmt-1")
    ended = operations.run("recover", **RECOVER)
    assert ended.status == "SUCCEEDED", ended.cause
    time.sleep(2)
    rows = verdict.of_move(sandbox, before, observe(sandbox, "mgmt-2"))
    assert {row.subject: row.problem for row in rows if row.problem} == {}
