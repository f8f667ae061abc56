"""The whole move, last: it ends with `blue` on the other management cluster."""

import time

import pytest

from lifeboat.model import HostedClusterRef
from sandbox.aws.functions import faults
from sandbox.aws.functions.faults import Fault
from sandbox.proof import audit, eye, objects, verdict
from sandbox.proof.clients import client_of
from sandbox.proof.observation import BLUE, NAMESPACE, observe
from tests.e2e import granted
from tests.operations import wait_until

RECOVER = {"source": "mgmt-1", "destination": "mgmt-2", "approval": "none"}


@pytest.mark.parametrize("function", [pytest.param("fence-source", marks=pytest.mark.full), "check-etcd-restore"])
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
    assert not seen.etcd_keys - after.etcd_keys
    destination = client_of(sandbox.plan.management_cluster("mgmt-2"))
    # A provisioner deletes a volume some time after its claim: what is left then is left for good.
    wait_until(lambda: not objects.made_by_lifeboat(destination, NAMESPACE, BLUE))


@pytest.mark.timeout(1200)
def test_the_whole_move(operations, sandbox):
    """Every line of the demo's table is right after `recover`; on a real API kubectl says so, too."""
    before, seen = observe(sandbox, "mgmt-1"), eye.look(sandbox)
    audited = {name: audit.log_of(sandbox.plan, name).stat().st_size for name in granted.TABLES}
    ended = operations.run("recover", **RECOVER)
    assert ended.status == "SUCCEEDED", ended.cause
    hosted = HostedClusterRef(NAMESPACE, BLUE)
    assert {name: granted.not_granted(sandbox.plan, name, since, hosted) for name, since in audited.items()} == {
        name: [] for name in audited
    }
    time.sleep(2)
    rows = verdict.of_move(sandbox, before, observe(sandbox, "mgmt-2"))
    if seen:
        rows += eye.rows_of(seen, eye.look(sandbox))
    assert (sandbox.plan.kube == "real") == any(row.subject.startswith("kubectl: ") for row in rows)
    assert {row.subject: row.problem for row in rows if row.problem} == {}
