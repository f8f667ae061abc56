import json

from lifeboat import handover, report, signed
from tests.unit.a_move import FirstHalf
from tests.unit.a_restored import World
from tests.unit.memory import MemoryExecutions


def compose(world, **more):
    half = world.half
    run = {"execution": "arn:backup", "startedAt": 1_793_700_000_000, "stoppedAt": "later"}
    data = {
        **half.data,
        "destination": "mgmt-2",
        "backup": half.data["backup"] | run,
        "tornDown": {"deleted": {"nodepools": 2}},
        "verified": {"facts": {"revision": 1_000_004_711, "keys": 2990, "members": 3, "clusterId": "4d"}},
        **more,
    }
    return report.compose(data, half.move, half.dns, half.instances, half.clock)


def test_a_report_tells_what_was_before_and_after():
    world = World()
    told = compose(world)
    assert told["etcd"]["revisionBefore"] == 4711
    assert told["etcd"]["revisionAfter"] == 1_000_004_711
    assert (told["etcd"]["keysInSnapshot"], told["etcd"]["keysAfter"]) == (3000, 2990)
    assert told["instances"]["before"] == told["instances"]["after"]
    assert {each["type"] for each in told["dns"]["before"]} == {"CNAME", "TXT"}
    assert told["objects"]["machines"] == 4
    assert told["deleted"] == {"nodepools": 2}
    assert told["steps"][0] == {
        "step": "backup",
        "execution": "arn:backup",
        "startedAt": "2026-11-03T10:00:00+00:00",
        "stoppedAt": "later",
    }


def test_a_report_is_signed_and_written_once():
    world = World()
    half = world.half
    key = report.write(compose(world), half.move, half.store, half.signer)
    half.clock.pass_by(60)
    assert report.write(compose(world), half.move, half.store, half.signer) == key
    payload = signed.unseal(half.store.get(key), half.signer, key)
    assert payload["finishedAt"] == "2026-11-03T10:00:00+00:00"
    assert key.endswith("operations/op-1/report.json")
    assert json.dumps(payload)


def test_a_report_of_an_operation_that_was_started_again_begins_with_its_first_start():
    """It goes on at the destination: the backup was another execution's."""
    world, half = World(), FirstHalf()
    world.half = half
    half.data["backup"] |= {"execution": "arn:backup", "startedAt": 1_793_700_000_000, "stoppedAt": 1_793_700_060_000}
    half.data["startedAt"] = "2026-11-03T09:58:00+00:00"
    half.fenced()
    half.data["backup"] = {each: half.data["backup"][each] for each in ("backupId", "infraId", "recordSha256")}
    world.destination.add(half.hosted.hosted_cluster())
    found = handover.look(half.cluster, world.destination, half.store, half.signer, MemoryExecutions(), half.task())
    told = compose(world, startedAt="2026-11-03T12:00:00+00:00", pointOfNoReturn=found, backup=found["backup"])
    assert told["startedAt"] == "2026-11-03T09:58:00+00:00"
    assert told["steps"][0] == {
        "step": "backup",
        "execution": "arn:backup",
        "startedAt": "2026-11-03T10:00:00+00:00",
        "stoppedAt": "2026-11-03T10:01:00+00:00",
    }


def test_an_operation_that_was_cut_off_before_its_fence_began_with_its_backup():
    told = compose(World(), startedAt="2026-11-03T12:00:00+00:00")
    assert told["startedAt"] == "2026-11-03T10:00:00+00:00"
