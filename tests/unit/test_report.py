import json

from lifeboat import report, signed
from tests.unit.a_restored import World


def compose(world):
    half = world.half
    run = {"execution": "arn:backup", "startedAt": 1_793_700_000_000, "stoppedAt": "later"}
    data = {
        **half.data,
        "destination": "mgmt-2",
        "backup": half.data["backup"] | run,
        "verified": {"facts": {"revision": 1_000_004_711, "keys": 2990, "members": 3, "clusterId": "4d"}},
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
