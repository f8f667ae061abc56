"""A source whose etcd is ill, through the functions of a backup: saved as well as it can be, and told as it is."""

import pytest

from lifeboat import backups
from lifeboat.errors import BackupUnprovenError, FenceUnprovenError, SnapshotFailedError
from lifeboat.resources import DEPLOYMENTS, HOSTED_CLUSTERS
from tests.unit.a_backup import Backup, without_versions
from tests.unit.a_move import FirstHalf

APPROVED = {"by": "arn:aws:iam::123456789012:user/somebody", "reason": "all there is"}


class WithoutQuorum(FirstHalf):
    """Only etcd-2 answers; `approve` is what people said."""

    def __init__(self, **made):
        Backup.__init__(self, **made)
        self.etcd.silent, self.etcd.leader = {"etcd-0", "etcd-1"}, 0
        self.preflight()

    def approve(self):
        self.data["approved"] = APPROVED
        return self

    def first_half(self):
        self.approve().quiesce()
        self.data["backup"] |= self.capture()
        return self

    def record(self):
        return backups.load(self.store, self.signer, self.hosted.ref, "latest")[0]


def without_their_api(cluster):
    """What Deployments' controllers make of API servers that reach no etcd: pods that are never ready."""
    for each in cluster.objects("Deployment"):
        held = cluster._objects["Deployment", each["metadata"]["namespace"], each["metadata"]["name"]]
        wanted = each["spec"]["replicas"]
        held["status"] = {"replicas": wanted, "readyReplicas": 0 if "apiserver" in each["metadata"]["name"] else wanted}
    hosted = cluster._objects["HostedCluster", "clusters", "blue"]
    hosted["status"]["conditions"] = [{"type": "Available", "status": "False"}]


def test_a_full_etcd_is_saved_without_asking_and_the_record_says_so():
    backup = Backup()
    backup.etcd.alarms = ["NOSPACE"]
    told = backup.preflight()["etcd"]
    assert (told["quorum"], told["alarms"], told["approvalNeeded"]) == (True, ["NOSPACE"], None)
    backup.quiesce()
    backup.capture()
    record, _ = backups.load(backup.store, backup.signer, backup.hosted.ref, "latest")
    assert (record.snapshot.alarms, record.snapshot.quorum) == (("NOSPACE",), True)
    assert "travels inside the snapshot" in record.snapshot.note
    backup.bring_back()


def test_one_member_less_is_saved_without_asking_and_the_record_says_so():
    backup = Backup(kind="online")
    backup.etcd.silent = {"etcd-1"}
    assert backup.preflight()["etcd"]["approvalNeeded"] is None
    backup.capture()
    record, _ = backups.load(backup.store, backup.signer, backup.hosted.ref, "latest")
    assert "without etcd-1" in record.snapshot.note


@pytest.mark.parametrize("kind", ["online", "quiesced"])
def test_without_a_quorum_an_approval_is_asked_for_that_names_the_risk(kind):
    told = WithoutQuorum(kind=kind).data["backup"]["etcd"]
    assert told["quorum"] is False
    for part in ("1 of 3 members", "etcd-2 at revision 4711, raft index 5002", "would be lost", "etcd-0"):
        assert part in told["approvalNeeded"]


@pytest.mark.parametrize("kind", ["online", "quiesced"])
def test_an_approved_snapshot_is_of_the_member_that_is_left_and_the_record_says_who_approved(kind):
    backup = WithoutQuorum(kind=kind).approve()
    if kind == "quiesced":
        backup.quiesce()
    backup.capture()
    snapshot = backup.record().snapshot
    assert (snapshot.quorum, snapshot.member, snapshot.total_keys) == (False, "etcd-2", 3000)
    assert f"approved by {APPROVED['by']}: all there is" in snapshot.note


@pytest.mark.parametrize("said", [None, "yes"])
def test_without_that_approval_nothing_is_saved(said):
    backup = WithoutQuorum()
    backup.data["approved"] = said
    with pytest.raises(SnapshotFailedError, match="start again, then it asks"):
        backup.start_snapshot()


def test_less_than_what_was_approved_is_not_saved():
    """The member that was named is gone as well, one that has less is back."""
    backup = WithoutQuorum().approve()
    backup.etcd.silent = {"etcd-1", "etcd-2"}
    with pytest.raises(SnapshotFailedError, match="to raft index 5002, less is left"):
        backup.start_snapshot()


def test_an_approval_for_nothing_does_not_cover_a_quorum_that_is_lost_later():
    backup = Backup()
    backup.preflight()
    backup.data["approved"] = APPROVED
    backup.etcd.silent = {"etcd-0", "etcd-1"}
    with pytest.raises(SnapshotFailedError, match="lost its quorum after the preflight"):
        backup.start_snapshot()


def test_resuming_does_not_wait_for_what_was_not_there():
    """Its pods and conditions still looked well when the preflight came by."""
    backup = WithoutQuorum()
    before = without_versions(backup.cluster)
    assert any(
        each["type"] == "Available" and each["status"] == "True"
        for each in backup.cluster.get(HOSTED_CLUSTERS, "clusters", "blue")["status"]["conditions"]
    )
    backup.approve().quiesce()
    backup.cluster.after_write = without_their_api
    backup.resume()
    assert backup.check_serving()["done"], backup.data["serving"]
    backup.restore_auto_repair()
    replicas = {each["metadata"]["name"]: each["spec"]["replicas"] for each in backup.cluster.objects("Deployment")}
    assert replicas == {
        each["metadata"]["name"]: each["spec"]["replicas"] for each in before if each["kind"] == "Deployment"
    }


def test_a_rejected_backup_finds_the_source_as_it_was():
    backup = WithoutQuorum()
    before = without_versions(backup.cluster)
    backup.bring_back()
    assert without_versions(backup.cluster) == before


def test_a_source_without_quorum_is_fenced_though_its_etcd_cannot_tell():
    half = WithoutQuorum().first_half()
    half.withdraw()
    half.external_dns()
    half.fence()
    assert half.check_fence()
    half.etcd.silent = {"etcd-0", "etcd-1", "etcd-2"}
    assert half.check_fence()


def test_a_quorum_that_comes_back_with_more_than_was_saved_is_not_fenced():
    half = WithoutQuorum().first_half()
    half.withdraw()
    half.external_dns()
    half.etcd.silent, half.etcd.leader, half.etcd.revision, half.etcd.later_puts = set(), 10, 4715, 4
    with pytest.raises(FenceUnprovenError, match="4 writes after revision 4711"):
        half.fence()


def test_a_second_start_keeps_what_was_approved_and_committed():
    backup = WithoutQuorum().first_half()
    first = backup.data["record"]
    backup.start(epoch=2)
    told = backup.preflight()
    assert (told["committed"], told["etcd"]["approvalNeeded"]) == (True, None)
    backup.quiesce()
    assert backup.commit() == first


def test_a_second_start_asks_again_when_nothing_was_committed():
    backup = WithoutQuorum().approve()
    backup.quiesce()
    backup.start(epoch=2)
    assert backup.preflight()["etcd"]["approvalNeeded"]


def test_a_quorum_that_came_back_with_more_is_never_committed_as_the_old_backup():
    backup = WithoutQuorum().first_half()
    backup.start(epoch=2)
    backup.preflight()
    backup.quiesce()
    backup.etcd.silent, backup.etcd.leader, backup.etcd.revision, backup.etcd.later_puts = set(), 10, 4715, 4
    with pytest.raises(BackupUnprovenError, match="4 writes after revision 4711"):
        backup.commit()


def test_a_source_at_rest_counts_its_replicas_as_they_were():
    backup = WithoutQuorum().approve()
    backup.quiesce()
    assert backup.cluster.get(DEPLOYMENTS, "clusters-blue", "kube-apiserver")["spec"]["replicas"] == 0
    backup.bring_back()
    assert backup.cluster.get(DEPLOYMENTS, "clusters-blue", "kube-apiserver")["spec"]["replicas"] == 3
