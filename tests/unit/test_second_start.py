"""An operation that was cut off after its backup was committed, and is started again."""

import pytest

from lifeboat import backups
from lifeboat.errors import BackupUnprovenError, EtcdNotReadyError, FenceUnprovenError
from lifeboat.resources import DEPLOYMENTS, HOSTED_CLUSTERS, STATEFUL_SETS
from tests.unit.a_backup import Backup, without_versions
from tests.unit.a_move import FirstHalf


@pytest.fixture
def committed():
    """Stopped, its backup committed; then the execution was aborted."""
    backup = Backup()
    backup.before = without_versions(backup.cluster)
    backup.preflight()
    backup.quiesce()
    backup.first = backup.capture()
    backup.clock.pass_by(3600)
    return backup


def scaled_up_by_hand(backup, replicas=3):
    backup.cluster.patch(DEPLOYMENTS, "clusters-blue", "kube-apiserver", {"spec": {"replicas": replicas}})


def written_to(backup, puts=2):
    backup.etcd.revision = backup.etcd.saved_revision = 4720
    backup.etcd.later_puts = puts
    backup.etcd.snapshot = b"newer" * 60


def started_again(backup):
    backup.start(epoch=2)
    backup.preflight()


def test_a_source_that_was_at_rest_since_keeps_its_backup(committed):
    before = set(committed.store.objects)
    started_again(committed)
    assert committed.data["backup"]["committed"]
    committed.quiesce()
    assert committed.commit() == committed.first
    assert set(committed.store.objects) == before


def test_a_backup_that_was_not_committed_is_saved_anew():
    backup = Backup()
    backup.preflight()
    backup.quiesce()
    assert not backup.data["backup"]["committed"]
    started_again(backup)
    assert not backup.data["backup"]["committed"]


def test_leases_that_expired_since_change_nothing(committed):
    committed.etcd.revision = 4712
    started_again(committed)
    committed.quiesce()
    assert committed.capture() == committed.first


@pytest.mark.parametrize("scaled_down_again", [False, True])
def test_a_source_that_was_awake_since_is_backed_up_anew(committed, scaled_down_again):
    """What was written in between must come along; what the source was like is what the first start found."""
    scaled_up_by_hand(committed)
    written_to(committed)
    if scaled_down_again:
        scaled_up_by_hand(committed, 0)
    started_again(committed)
    new_id = committed.data["backup"]["backupId"]
    assert new_id > committed.first["backupId"]
    assert not committed.data["backup"]["committed"]
    committed.quiesce()
    hosted = committed.cluster.get(HOSTED_CLUSTERS, "clusters", "blue")
    assert hosted["metadata"]["annotations"]["lifeboat/backup"] == new_id
    committed.etcd.later_puts = 0
    assert committed.capture()["revision"] == 4720
    record, _ = backups.load(committed.store, committed.signer, committed.hosted.ref, "latest")
    assert record.backup_id == new_id
    state = backups.read_evidence(committed.store, record, "source.json")
    assert (state["replicas"]["kube-apiserver"], state["replicas"]["control-plane-operator"]) == (3, 1)
    committed.bring_back()
    assert without_versions(committed.cluster) == committed.before


def test_a_source_that_runs_without_having_written_yet_is_backed_up_anew(committed):
    scaled_up_by_hand(committed)
    started_again(committed)
    assert committed.data["backup"]["backupId"] != committed.first["backupId"]


def test_a_preflight_that_is_retried_opens_one_backup_only(committed):
    scaled_up_by_hand(committed)
    started_again(committed)
    once = committed.data["backup"]
    assert committed.preflight() == once


def test_a_start_that_is_cut_off_before_it_signs_the_new_backup_resumes_by_the_old_one(committed):
    scaled_up_by_hand(committed)
    started_again(committed)
    committed.bring_back()
    assert without_versions(committed.cluster) == committed.before


def test_a_source_that_woke_up_after_the_preflight_is_never_committed_as_the_old_backup(committed):
    started_again(committed)
    committed.quiesce()
    written_to(committed)
    committed.data["verified"] = committed.data["exported"] = {}
    with pytest.raises(BackupUnprovenError, match="2 writes after revision 4711"):
        committed.commit()


def test_changes_that_a_compaction_hides_count_as_writes(committed):
    written_to(committed, puts=0)
    committed.etcd.later_deletes = 0
    started_again(committed)
    assert committed.data["backup"]["backupId"] != committed.first["backupId"]


def test_a_minority_of_members_proves_nothing(committed):
    """The two that are silent may know of writes."""
    started_again(committed)
    committed.quiesce()
    committed.etcd.silent = {"etcd-1", "etcd-2"}
    committed.data["verified"] = committed.data["exported"] = {}
    with pytest.raises(EtcdNotReadyError, match=r"1 of 3 members .* no quorum"):
        committed.commit()


@pytest.fixture
def half():
    first = FirstHalf()
    first.withdraw()
    first.external_dns()
    return first


def test_a_source_that_was_written_to_after_its_backup_is_not_fenced(half):
    written_to(half)
    with pytest.raises(FenceUnprovenError, match="2 writes after revision 4711"):
        half.fence()


def test_a_source_that_was_written_to_after_its_fence_is_no_longer_fenced(half):
    """Scaled up and down again: it looks as it did."""
    half.fence()
    written_to(half)
    with pytest.raises(FenceUnprovenError, match="no longer is: its etcd took 2 writes"):
        half.check_fence()


def test_a_source_without_etcd_is_not_fenced_for_the_first_time(half):
    half.cluster.remove("StatefulSet", "clusters-blue", "etcd")
    with pytest.raises(FenceUnprovenError, match="its etcd is gone"):
        half.fence()


def test_a_source_whose_etcd_a_teardown_stopped_stays_fenced(half):
    half.fence()
    half.cluster.patch(STATEFUL_SETS, "clusters-blue", "etcd", {"spec": {"replicas": 0}})
    half.etcd.silent = {"etcd-0", "etcd-1", "etcd-2"}
    assert half.check_fence()


def test_an_etcd_without_quorum_is_asked_again(half):
    half.etcd.silent = {"etcd-0", "etcd-2"}
    with pytest.raises(EtcdNotReadyError):
        half.fence()
