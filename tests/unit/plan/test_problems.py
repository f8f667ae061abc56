"""All that stands against an operation, told at once and before anything."""

from __future__ import annotations

from lifeboat.plan.problems import BLOCKS, NOTE
from tests.unit.builders import a_hosted_cluster, blue
from tests.unit.plan.moving import ARN, Moving, cut_off


def test_problems_of_both_sides_are_told_together():
    moving = Moving(blue().without_hostname("Konnectivity"))
    moving.destination.remove("StorageClass", None, "gp3-csi")
    moving.destination.remove("Deployment", "hypershift", "operator")
    told = [each.told for each in moving.plan().blocking]
    for part in ("Konnectivity has no fixed hostname", "gp3-csi", "operator"):
        assert any(part in each for each in told)
    assert len(told) >= 4  # a line each
    assert moving.log.writes == []


def test_an_unfit_destination_does_not_hide_the_writes():
    moving = Moving(blue())
    moving.destination.remove("StorageClass", None, "gp3-csi")
    plan = moving.plan()
    (problem,) = plan.blocking
    assert "gp3-csi" in problem.told
    assert plan.writes[-1].step == "recover: ReleaseLease"


def test_an_etcd_without_quorum_is_approved_and_not_refused():
    moving = Moving(blue())
    moving.etcd.silent = {"etcd-1", "etcd-2"}
    plan = moving.plan()
    assert not plan.blocking
    assert ["etcd has no quorum" in each.told for each in plan.to_approve] == [True]
    assert plan.writes[-1].step == "recover: ReleaseLease"


def test_an_etcd_out_of_space_is_noted():
    moving = Moving(blue())
    moving.etcd.alarms = ["NOSPACE"]
    plan = moving.plan()
    assert [(each.severity, "NOSPACE" in each.told) for each in plan.problems] == [(NOTE, True)]
    room = [each for each in plan.writes if "saved out of space" in each.what]
    assert [(each.step, each.name) for each in room] == [("restore: CheckServing", "etcd-*")]


def test_a_restore_by_url_is_planned_without_volumes():
    moving = Moving(a_hosted_cluster("blue").with_members(1).with_node_pool("workers", machines=1))
    plan = moving.plan(etcdRestore="snapshotUrl")
    kinds = {each.kind for each in plan.writes if each.on == "mgmt-2"}
    assert "HostedCluster" in kinds
    assert "PersistentVolumeClaim" not in kinds
    assert plan.digest != moving.plan().digest


def test_names_that_belong_to_somebody_else_are_told_before():
    moving = Moving(blue())
    for each in list(moving.dns.held):
        if each.type == "TXT" and each.name.startswith("api-blue-"):
            moving.dns.held.remove(each)
            moving.dns.add(each.name, "TXT", '"heritage=external-dns,external-dns/owner=a-stranger"')
    assert any("a-stranger" in each.told for each in moving.plan().blocking)


def test_a_restore_alone_without_a_fence_tells_that_and_what_else_is_wrong():
    moving = Moving(blue())
    assert moving.run("backup", {"hostedCluster": moving.given["hostedCluster"], "source": "mgmt-1"}).error is None
    moving.log.writes.clear()
    moving.destination.remove("StorageClass", None, "gp3-csi")
    plan = moving.plan("restore", backup={"backupId": "latest"})
    told = [each.told for each in plan.blocking]
    assert any("no fence" in each for each in told)
    assert any("gp3-csi" in each for each in told)
    assert moving.log.writes == []


def test_a_restore_alone_behind_its_fence_writes_what_was_planned():
    moving = _fenced()
    planned = [each.line for each in moving.plan("restore", backup={"backupId": "latest"}).writes if not each.when]
    given = {"hostedCluster": moving.given["hostedCluster"], "destination": "mgmt-2", "backupId": "latest"}
    run = moving.run("restore", {**given, "operationId": "op-1"}, "alone")
    assert run.error is None, run.cause
    assert [each.line for each in moving.log.writes] == planned


def test_a_teardown_alone_tells_its_writes_and_changes_nothing():
    moving = Moving(blue())
    override = {"reason": "moved by hand", "approvedBy": "ops"}
    plan = moving.plan("teardown", override=override)
    assert not plan.blocking
    hosted = moving.given["hostedCluster"]
    run = moving.run("teardown", {"hostedCluster": hosted, "source": "mgmt-1", "override": override}, "alone")
    assert run.error is None, run.cause
    assert [each.line for each in moving.log.writes] == [each.line for each in plan.writes]


def test_a_teardown_of_what_still_serves_is_refused_by_its_plan():
    moving = Moving(blue())
    plan = moving.plan("teardown", restoreExecution=f"{ARN}-restore:x")
    assert [each.severity for each in plan.problems] == [BLOCKS]
    assert "proves nothing" in plan.problems[0].told


def _fenced() -> Moving:
    """A move that was stopped before its restore, the source at rest and fenced."""
    moving = Moving(blue())
    cut_off(moving, "LoadBackup")
    moving.log.writes.clear()
    moving.operation = "op-1"
    return moving
