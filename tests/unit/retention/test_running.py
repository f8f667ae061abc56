"""A run of retention over a store: what goes, what stays, and what a cut-off run or a restore beside it means."""

from __future__ import annotations

import datetime

import pytest

from lifeboat import backups, catalog
from lifeboat.errors import AwsUnavailableError, BackupUnprovenError
from lifeboat.layout import ClusterLayout
from lifeboat.model import BackupKind, HostedClusterRef, Operation, Task
from lifeboat.moved import open_move
from lifeboat.restore import loading
from lifeboat.retention.rules import Rules
from lifeboat.retention.running import Bounds, World, run
from tests.unit.backed_up import a_backup
from tests.unit.memory import NOW, MemoryClock, MemoryExecutions, MemoryLeases, MemorySigner, MemoryStore
from tests.unit.stored_backups import BLUE, a_committed_backup, a_stored_backup, backup_id_at

DAY = datetime.timedelta(days=1)
RULES = Rules(newest=2, daily_days=0, weekly_days=0)
MACHINE = "arn:aws:states:us-east-2:123456789012:stateMachine:lifeboat-restore"
EXECUTION = f"{MACHINE.replace('stateMachine', 'execution')}:one"
IDS = [backup_id_at(NOW - DAY * days) for days in range(10, 15)]
"""The newest first."""
CLUSTER = ClusterLayout(BLUE, "blue-x")


@pytest.fixture
def world():
    """Five backups of `blue`, and its neighbour `blue-green` with one."""
    store, signer = MemoryStore(), MemorySigner()
    for backup_id in IDS:
        a_committed_backup(store, signer, backup_id)
    a_committed_backup(store, signer, IDS[0], hosted=HostedClusterRef("clusters", "blue-green"), infra_id="g-y")
    return World(store, signer, MemoryLeases(), MemoryExecutions(), MemoryClock(), [MACHINE])


def retain(world, rules=RULES, **bounds):
    return run(world, rules, Bounds(**bounds))


def there(world) -> list[str]:
    """Committed backups of `blue`, the newest first."""
    folders = world.store.folders(CLUSTER.backups)
    return [each for each in sorted(folders, reverse=True) if world.store.head(CLUSTER.backup(each).record)]


def test_what_no_rule_keeps_goes_wholly_and_the_catalog_tells_it(world):
    report = retain(world)
    assert there(world) == IDS[:2]
    assert sorted(report.deleted, reverse=True) == IDS[2:]
    assert not any(world.store.keys(CLUSTER.backup(each).prefix) for each in IDS[2:])
    assert {each.state for each in catalog.entries(world.store, BLUE) if each.backup_id in IDS[2:]} == {"deleted"}
    assert backups.latest(world.store, world.signer, BLUE)[0].backup_id == IDS[0]
    assert retain(world).deleted == []


def test_the_newest_that_verifies_is_kept_behind_newer_ones_that_do_not(world):
    for backup_id in IDS[:4]:
        world.store.delete(next(iter(world.store.keys(f"{CLUSTER.backup(backup_id).prefix}etcd/"))))
    report = retain(world, Rules(newest=1, daily_days=0, weekly_days=0))
    assert there(world) == IDS
    assert len(report.unproven) == 4
    assert backups.latest(world.store, world.signer, BLUE)[0].backup_id == IDS[4]


@pytest.mark.parametrize("damage", ["signature", "schema"])
def test_a_record_that_cannot_be_read_is_left_and_told(world, damage):
    key = CLUSTER.backup(IDS[4]).record
    old, new = (b"mgmt-1", b"mgmt-9") if damage == "signature" else (b'"schema": 2', b'"schema": 3')
    assert old in world.store.objects[key]
    world.store.objects[key] = world.store.objects[key].replace(old, new)
    report = retain(world)
    assert there(world) == [*IDS[:2], IDS[4]]
    assert [IDS[4] in each for each in report.unproven] == [True]


def test_a_hosted_cluster_that_a_running_execution_names_is_left_alone(world):
    world.executions.add(EXECUTION, given={"hostedCluster": {"namespace": "clusters", "name": "blue"}})
    report = retain(world)
    assert (there(world), report.in_use) == (IDS, ["clusters/blue"])
    world.executions.add(EXECUTION, "SUCCEEDED", given={"hostedCluster": {"namespace": "clusters", "name": "blue"}})
    assert len(retain(world).deleted) == 3


def test_a_hosted_cluster_whose_lease_is_taken_meanwhile_is_left_alone(world):
    """The lease is asked again before each record goes."""
    reads = []
    leases = world.leases

    class TakenAfterwards(MemoryLeases):
        def read(self, hosted_cluster):
            reads.append(hosted_cluster)
            return leases.take("x", "op", EXECUTION, 100, leases.read("x")) if reads.count(str(BLUE)) > 2 else None

    world.executions.add(EXECUTION, given={})
    looked = World(world.store, world.signer, TakenAfterwards(), world.executions, world.clock, [MACHINE])
    assert len(retain(looked).deleted) == 1
    assert len(there(world)) == 4


def test_nothing_is_deleted_when_nobody_can_tell_what_runs(world):
    class Silent(MemoryExecutions):
        def running(self, machine):
            raise AwsUnavailableError("AWS answered ListExecutions with ThrottlingException")

    silent = World(world.store, world.signer, world.leases, Silent(), world.clock, [MACHINE])
    with pytest.raises(AwsUnavailableError):
        retain(silent)
    assert there(world) == IDS


class Killed(BaseException):
    pass


def test_cut_off_after_any_deletion_the_next_run_ends_the_same(monkeypatch):
    """And at every moment `latest` is the same, and each backup that is listed is whole."""
    done = 0
    for after in range(40):
        store, signer = MemoryStore(), MemorySigner()
        for backup_id in IDS:
            a_committed_backup(store, signer, backup_id)
        world = World(store, signer, MemoryLeases(), MemoryExecutions(), MemoryClock(), [MACHINE])
        left = iter(range(after))

        def delete(key, store=store, left=left):
            if next(left, None) is None:
                raise Killed
            MemoryStore.delete(store, key)

        monkeypatch.setattr(store, "delete", delete)
        try:
            retain(world)
            done += 1
        except Killed:
            pass
        for backup_id in there(world):
            backups.verify_parts(store, backups.load(store, signer, BLUE, backup_id)[0])
        assert backups.latest(store, signer, BLUE)[0].backup_id == IDS[0]
        monkeypatch.undo()
        retain(world)
        assert there(world) == IDS[:2]
        assert not any(store.keys(CLUSTER.backup(each).prefix) for each in IDS[2:])
    assert done > 1, "the last rounds were never cut off"


def test_a_bound_ends_a_run_and_the_next_one_goes_on(world):
    first = retain(world, deletions=2)
    assert (len(first.deleted), first.complete) == (2, False)
    second = retain(world, deletions=2)
    assert (len(second.deleted), second.complete) == (1, True)


def test_a_backup_that_retention_deleted_is_never_committed_again(world):
    """S3 creates a key anew behind a delete marker, and the parts are about to expire."""
    record = backups.load(world.store, world.signer, BLUE, IDS[4])[0]
    retain(world)
    a_stored_backup(world.store, IDS[4])
    with pytest.raises(BackupUnprovenError):
        backups.commit(world.store, world.signer, record)
    again = a_stored_backup(world.store, IDS[4])
    with pytest.raises(BackupUnprovenError, match="deleted by retention"):
        backups.commit(world.store, world.signer, again)
    assert there(world) == IDS[:2]


def test_what_never_became_a_backup_goes_after_a_week(world):
    world.store.now = NOW - DAY * 20
    old = a_stored_backup(world.store, backup_id_at(NOW - DAY * 20, BackupKind.QUIESCED))
    online = a_stored_backup(world.store, backup_id_at(NOW - DAY * 20, suffix="11111111"))
    world.store.now = NOW - DAY
    going_on = a_stored_backup(world.store, backup_id_at(NOW - DAY * 20, suffix="22222222"))
    young = a_stored_backup(world.store, backup_id_at(NOW - DAY * 6))
    report = retain(world)
    assert report.leftovers == 2
    assert world.store.keys(old.layout.prefix) == [old.layout.evidence("source.json")], "a paused source rests on it"
    assert world.store.keys(online.layout.prefix) == []
    for each in (going_on, young):
        assert len(world.store.keys(each.layout.prefix)) == len(each.parts())
    assert retain(world).leftovers == 0


def test_leftovers_stay_once_the_lease_is_taken(world):
    """A second start of their operation may make a backup of them."""
    retain(world)
    world.store.now = NOW - DAY * 20
    for suffix in ("11111111", "22222222"):
        a_stored_backup(world.store, backup_id_at(NOW - DAY * 20, suffix=suffix))
    reads, leases = [], world.leases

    class TakenAfterTheFirst(MemoryLeases):
        def read(self, hosted_cluster):
            reads.append(hosted_cluster)
            return leases.take("x", "op", EXECUTION, 100, leases.read("x")) if reads.count(str(BLUE)) > 3 else None

    world.executions.add(EXECUTION, given={})
    looked = World(world.store, world.signer, TakenAfterTheFirst(), world.executions, world.clock, [MACHINE])
    assert retain(looked).leftovers == 1


def test_an_upload_is_aborted_a_day_later(world):
    """Of leftovers and of whole backups; one that may still go on is let be."""
    keys = [CLUSTER.backup(each).snapshot("x") for each in (IDS[0], backup_id_at(NOW - DAY * 2), backup_id_at(NOW))]
    for key in keys:
        world.store.open_upload(key)
    assert retain(world).aborted_uploads == 2
    assert [each.key for each in world.store.open_uploads("")] == keys[2:]


def test_the_catalog_is_made_up_for(world):
    for key in world.store.keys("catalog/clusters/blue/"):
        world.store.delete(key)
    retain(world, Rules(newest=9))
    assert [(each.backup_id, each.state) for each in catalog.entries(world.store, BLUE)] == [
        (each, "committed") for each in IDS
    ]


def test_what_was_deleted_long_ago_leaves_the_catalog(world):
    retain(world)
    world.clock.pass_by(401 * 24 * 3600)
    retain(world)
    assert [each.backup_id for each in catalog.entries(world.store, BLUE)] == IDS[:2]


def test_foreign_folders_are_no_backups(world):
    """Nor do they end a run."""
    keys = [f"{CLUSTER.backups}{name}/backup.json" for name in ("by-hand", "20260230t100000z-online-00000001")]
    for key in keys:
        world.store.put(key, b"{}")
        world.store.put(CLUSTER.catalog(key.split("/")[-2], "committed.r1.s1.n1"), b"")
    retain(world)
    assert all(map(world.store.head, keys))
    assert [each.to_json()["backupId"] for each in catalog.entries(world.store, BLUE)] == [*IDS]


def test_a_restore_that_has_begun_survives_even_a_wrong_deletion():
    """It pinned the record and every part by version id; delete markers do not hide those."""
    world = a_backup()
    task = world.task()
    loaded = loading.load(world.store, world.signer, task)
    for key in world.store.keys("hosted-clusters/"):
        world.store.delete(key)
    with pytest.raises(BackupUnprovenError):
        loading.load(world.store, world.signer, task)
    destination = loading.open_destination(world.destination, world.store, world.signer, world.task(backup=loaded))
    assert destination.exported_hosted_cluster()["metadata"]["name"] == "blue"
    part = destination.record.snapshot.part
    assert world.store.get(part.key, part.version_id) == b"snapshot"
    assert open_move(world.store, world.signer, world.task(backup=loaded)).record_sha256 == loaded["recordSha256"]


def test_a_task_without_a_pinned_record_reads_the_one_that_stands_there():
    world = a_backup()
    loaded = loading.load(world.store, world.signer, world.task())
    del loaded["recordVersionId"]
    given = world.task(backup=loaded)
    assert isinstance(given, Task)
    assert isinstance(given.operation, Operation)
    assert open_move(world.store, world.signer, given).record_sha256 == loaded["recordSha256"]


def test_where_nothing_would_go_nothing_is_read(world, monkeypatch):
    """A fleet's daily run costs LISTs, not reads."""
    monkeypatch.setattr(world.store, "get", None)
    monkeypatch.setattr(world.store, "head", None)
    report = retain(world, Rules(newest=9))
    assert (report.kept, report.deleted) == (6, [])


def test_a_run_that_is_out_of_time_stops_between_two_deletions_and_the_next_one_goes_on(world, monkeypatch):
    delete = world.store.delete

    def slow(key):
        world.clock.pass_by(5)
        delete(key)

    monkeypatch.setattr(world.store, "delete", slow)
    first = retain(world, seconds=10)
    assert (first.deleted, first.complete) == ([IDS[4]], False)
    monkeypatch.undo()
    assert len(retain(world).deleted) == 2
    assert there(world) == IDS[:2]


def test_a_backup_without_quorum_does_not_push_out_the_last_whole_one():
    """Told by the records themselves: names know nothing of it."""
    store, signer = MemoryStore(), MemorySigner()
    ill = {"quorum": False, "note": "one of three answered"}
    for number, backup_id in enumerate(IDS):
        a_committed_backup(store, signer, backup_id, **({} if number == 3 else ill))
    world = World(store, signer, MemoryLeases(), MemoryExecutions(), MemoryClock(), [MACHINE])
    retain(world, Rules(newest=1, daily_days=0, weekly_days=0))
    assert there(world) == [IDS[0], IDS[3]]
