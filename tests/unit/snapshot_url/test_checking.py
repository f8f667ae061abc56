"""Whether etcd restored itself: by its init container, by HyperShift, by the roll, and by what it holds."""

import datetime
import re

import pytest

from lifeboat.errors import RestoreFailedError
from lifeboat.restore import hosted_cluster
from lifeboat.restore.snapshot_url import checking, signing, url
from lifeboat.restore.snapshot_url.stopping import stopping
from tests.unit.backed_up import set_conditions
from tests.unit.memory import NOW, merge
from tests.unit.restore.at_destination import restore_objects, still_fenced
from tests.unit.snapshot_url.by_url import CANARY, INNER, Signer, a_world, etcd_came_up, etcd_pod, opened

EXPIRED = NOW + datetime.timedelta(seconds=url.SECONDS + 1)
FAILED = {"terminated": {"exitCode": 1, "message": CANARY}}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": CANARY}}


@pytest.fixture
def world():
    """Handed over: the HostedCluster is there, etcd has just begun."""
    made = a_world()
    restore_objects(signing.signed(opened(made), Signer()))
    hosted_cluster.create_hosted_cluster(signing.held(opened(made)), NOW, still_fenced)
    return made


def _unfinished(world, now=NOW):
    return checking.unfinished(opened(world), now)


def _init(world, **status):
    world.destination.add(etcd_pod(status))


def _restored(world, status="True", **spoilt):
    set_conditions(world.destination, "HostedControlPlane", INNER, "blue", EtcdSnapshotRestored=status)
    return etcd_came_up(world.destination, **spoilt)


def _stateful_set(world, **change):
    key = ("StatefulSet", INNER, "etcd")
    world.destination._objects[key] = merge(world.destination._objects[key], change)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"state": {"running": {}}}, "is at work"),
        ({"state": {"waiting": {"reason": "PodInitializing"}}}, r"waits \(PodInitializing\)"),
        ({"state": {"terminated": {"exitCode": 0}}}, "etcd is not ready"),
        ({"state": FAILED, "restartCount": 0}, "exit code 1 and is repeated"),
        ({"state": BACK_OFF, "lastState": FAILED, "restartCount": 2}, "exit code 1 and is repeated"),
        ({"state": {"running": {}}, "lastState": FAILED, "restartCount": 1}, "is repeated"),
    ],
)
def test_while_the_condition_is_absent_the_init_container_tells(world, status, told):
    _init(world, **status)
    (waiting,) = _unfinished(world)
    assert waiting.startswith("EtcdSnapshotRestored (")
    assert re.search(told, waiting)


def test_a_pod_that_is_not_there_yet_is_awaited(world):
    assert _unfinished(world) == ["EtcdSnapshotRestored (etcd-0 is not there yet)"]


@pytest.mark.parametrize(
    "status",
    [
        {"state": BACK_OFF, "lastState": FAILED, "restartCount": 3},
        {"state": FAILED, "restartCount": 2},
        {"state": {"running": {}}, "lastState": {"terminated": {"exitCode": 137}}, "restartCount": 3},
    ],
)
def test_one_that_fails_again_and_again_is_a_failure_with_its_name(world, status):
    _init(world, **status)
    with pytest.raises(
        RestoreFailedError, match=r"etcd-init of etcd-0 ended 3 times .*could not fetch or restore"
    ) as no:
        _unfinished(world)
    assert CANARY not in str(no.value)


def test_one_that_fails_once_after_the_urls_end_cannot_get_better(world):
    _init(world, state=BACK_OFF, lastState=FAILED, restartCount=1)
    assert _unfinished(world)
    with pytest.raises(RestoreFailedError, match="the snapshot's URL has expired"):
        _unfinished(world, EXPIRED)


def test_what_hypershift_says_of_a_failure_is_one(world):
    _restored(world, status="False")
    with pytest.raises(RestoreFailedError, match="HyperShift says"):
        _unfinished(world)


def test_restored_rolled_and_of_the_same_keys_is_done(world):
    _restored(world)
    assert _unfinished(world) == []


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"template": {"spec": {"initContainers": [{"name": "etcd-init"}]}}}},
        {"metadata": {"generation": 3}},
        {"status": {"updatedReplicas": 0}},
        {"status": {"readyReplicas": 0}},
        {"status": {"updateRevision": "etcd-3"}},
    ],
)
def test_before_the_roll_has_ended_nothing_counts(world, change):
    _restored(world)
    _stateful_set(world, **change)
    (waiting,) = _unfinished(world)
    assert waiting in {"etcd to roll", "etcd-init to leave etcd's pod template"}


def test_nor_while_the_old_pod_is_there(world):
    _restored(world)
    _init(world, state={"terminated": {"exitCode": 0}})
    assert _unfinished(world) == ["etcd to roll"]


def test_an_etcd_that_began_empty_is_a_failure(world):
    pods = _restored(world)
    pods.revision = 1
    with pytest.raises(RestoreFailedError, match="came up at revision 1, the snapshot's is 100"):
        _unfinished(world)


def test_an_etcd_with_other_keys_is_a_failure(world):
    _restored(world).keys = 12
    with pytest.raises(RestoreFailedError, match="holds 12 keys at revision 100, the snapshot has 20"):
        _unfinished(world)


def test_behind_a_compaction_the_keys_of_that_revision_cannot_be_counted(world):
    _restored(world, compacted=110).keys = 25
    assert _unfinished(world) == []


def test_an_etcd_that_is_silent_is_awaited(world):
    _restored(world, silent={"etcd-0"})
    assert _unfinished(world) == ["etcd-0 to answer"]


def test_a_failure_pauses_hosted_cluster_and_cluster_api_and_tells_the_way_out(world):
    _init(world, state=BACK_OFF, lastState=FAILED, restartCount=5)
    with pytest.raises(RestoreFailedError, match="delete neither") as failed, stopping(opened(world)):
        _unfinished(world)
    assert CANARY not in str(failed.value)
    assert "\n" not in str(failed.value)
    paused = [
        (kind, body["spec"]) for verb, kind, *_, body in world.destination.writes if verb == "patch" and "spec" in body
    ]
    assert paused == [("HostedCluster", {"pausedUntil": "true"})]  # the Cluster came paused, nobody has unpaused it
    assert world.destination._objects["Cluster", INNER, "blue-x7k2p"]["spec"]["paused"] is True


def test_a_cluster_that_the_operator_has_unpaused_is_paused_after_its_hosted_cluster(world):
    world.destination._objects["Cluster", INNER, "blue-x7k2p"]["spec"]["paused"] = False
    before = len(world.destination.writes)
    for _ in range(2):
        with pytest.raises(RestoreFailedError), stopping(opened(world)):
            raise RestoreFailedError("no")
    assert [kind for _, kind, *_ in world.destination.writes[before:]] == ["HostedCluster", "Cluster"]


def test_stopped_it_waits_for_somebody_to_unpause_it(world):
    with pytest.raises(RestoreFailedError), stopping(opened(world)):
        raise RestoreFailedError("no")
    assert _unfinished(world) == ["the HostedCluster to be unpaused"]
