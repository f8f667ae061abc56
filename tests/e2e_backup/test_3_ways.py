"""Ways that are cut: an image without curl, a pod without a route to S3, a pod that is replaced on the way."""

import hashlib

import pytest

from sandbox.aws.functions import faults
from sandbox.aws.functions.faults import Fault
from sandbox.breaking import members, transport
from sandbox.proof import leftovers
from tests.stored import left_behind, of_snapshot, record


@pytest.mark.parametrize("cut", [transport.without_curl, pytest.param(transport.without_route, marks=pytest.mark.full)])
def test_the_function_carries_the_bytes_where_the_pod_cannot(cut, home, blue, sandbox, sampler):
    """The second way: the same parts, the same proof."""
    with cut(home):
        ended = blue.run("backup", source="mgmt-1")
    assert ended.status == "SUCCEEDED", ended.cause
    seen = of_snapshot(blue, ended.output["backupId"])
    assert seen["way"] == "function"
    key = record(blue, ended.output["backupId"])["snapshot"]["part"]["key"]
    stored = sandbox.client("s3").get_object(Bucket=sandbox.stack.bucket, Key=key)["Body"].read()
    assert (len(stored), hashlib.sha256(stored).hexdigest()) == (seen["size"], seen["sha256"])
    assert left_behind(blue) == []


def test_a_pod_that_is_replaced_while_its_snapshot_is_saved(home, blue, sandbox):
    """What it staged is gone with it: the backup ends well by another round, or fails and leaves nothing."""
    before = blue.source()
    faults.plant(sandbox.plan, Fault("start-snapshot", "held"))
    arn = blue.start("backup", source="mgmt-1")
    blue.wait_until_held(arn)
    (pod,) = {each.partition(":")[0] for each in leftovers.in_pods(home, blue.plane)}
    members.replace(home, blue.plane, [pod])
    faults.release(sandbox.plan)
    ended = blue.end_of(arn)
    assert (ended.status, ended.error) in {("SUCCEEDED", ""), ("FAILED", "SnapshotFailedError")}
    assert blue.source() == before
    assert blue.serves()
    assert left_behind(blue) == []
