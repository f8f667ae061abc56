"""Last of all, because it takes `blue` away from its source: a move whose source has an etcd without quorum."""

import pytest

from sandbox.breaking import members
from sandbox.proof import cloud, etcd
from tests.operations import lifeboat, wait_until
from tests.stored import record


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_a_hosted_cluster_without_a_quorum_is_moved_once_that_is_approved(home, blue, sandbox):
    """It serves again, from three members that are one cluster, with every key that the member left had."""
    destination = sandbox.plan.management_cluster("mgmt-2")
    keys, instances = etcd.lasting_keys(home, blue.plane, "etcd-0"), cloud.instances(sandbox.client("ec2"))
    members.lose(home, blue.plane, ["etcd-1", "etcd-2"])
    assert blue.write() != ""
    arn = blue.start("recover", source="mgmt-1", destination="mgmt-2", approval="none")
    backups = sandbox.stack.state_machines["backup"]

    def approved():
        running = blue.stepfunctions.list_executions(stateMachineArn=backups, statusFilter="RUNNING")["executions"]
        (nested, *_) = [*running, None]
        return nested and lifeboat(sandbox, "approve", nested["executionArn"], check=False) is not None

    wait_until(approved)
    ended = blue.end_of(arn, 900)
    assert ended.status == "SUCCEEDED", ended.cause
    assert record(blue, ended.output["backupId"])["snapshot"]["quorum"] is False
    wait_until(lambda: blue.write() == "")
    found = etcd.facts(destination, blue.plane)
    assert (len(found.members), found.is_one_cluster) == (3, True)
    assert keys - etcd.lasting_keys(destination, blue.plane, "etcd-0") == frozenset()
    assert cloud.instances(sandbox.client("ec2")) == instances
