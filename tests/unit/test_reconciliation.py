import datetime

import pytest

from lifeboat import marker, reconciliation, resuming
from lifeboat.errors import (
    AlreadyPausedError,
    ApiUnavailableError,
    BackupUnprovenError,
    PreflightError,
    ResumeFailedError,
)
from lifeboat.resources import CLUSTERS, CONFIG_MAPS, DEPLOYMENTS, HOSTED_CLUSTERS, HOSTED_CONTROL_PLANES, NODE_POOLS
from tests.unit.a_backup import Backup, controllers, without_versions
from tests.unit.builders import a_management_cluster, an_object, blue
from tests.unit.memory import NOW


@pytest.mark.parametrize(
    ("value", "paused"),
    [
        ("true", True),
        ("True", True),
        ("false", False),
        (None, False),
        ("2026-11-03T11:00:00Z", True),
        ("2026-11-03T11:30:00+01:00", True),
        ("2026-11-03T09:00:00Z", False),
        ("2026-11-03T11:00:00", False),  # no zone: HyperShift cannot parse it, so it does not pause
        ("2026-99-03T11:00:00Z", False),
        ("tomorrow", False),
    ],
)
def test_paused_is_what_hypershift_takes_for_paused(value, paused):
    assert reconciliation.is_paused(value, NOW) is paused


def test_a_pause_of_somebody_else_is_refused_with_the_remedy_and_nothing_is_written():
    backup = Backup(blue().paused("true"))
    with pytest.raises(AlreadyPausedError, match=r"oc patch -n clusters .* blue"):
        backup.preflight()
    assert backup.cluster.writes == []
    assert backup.store.objects == {}


def test_a_pause_of_another_operation_is_refused_by_its_name():
    backup = Backup(blue().paused("true", lifeboat__operation="op-9", lifeboat__backup="b-9"))
    with pytest.raises(AlreadyPausedError, match="operationId op-9"):
        backup.preflight()


def test_a_pause_that_has_ended_is_none_and_is_put_back_as_it_was():
    backup = Backup(blue().paused("2026-11-03T09:00:00Z"))
    backup.preflight()
    backup.quiesce()
    backup.resume()
    hosted = backup.cluster.get(HOSTED_CLUSTERS, "clusters", "blue")
    assert hosted["spec"]["pausedUntil"] == "2026-11-03T09:00:00Z"


def test_somebody_who_pauses_between_preflight_and_pause_is_respected():
    backup = Backup()
    backup.preflight()
    backup.cluster.patch(HOSTED_CLUSTERS, "clusters", "blue", {"spec": {"pausedUntil": "true"}})
    with pytest.raises(AlreadyPausedError):
        backup.quiesce()
    assert backup.resume()["resumed"] is False
    assert backup.cluster.get(HOSTED_CLUSTERS, "clusters", "blue")["spec"]["pausedUntil"] == "true"


def test_everything_of_the_cluster_is_paused_and_nothing_of_its_neighbour():
    backup = Backup()
    backup.preflight()
    backup.quiesce()
    cluster = backup.cluster
    hosted = cluster.get(HOSTED_CLUSTERS, "clusters", "blue")
    assert hosted["spec"]["pausedUntil"] == "true"
    assert hosted["metadata"]["annotations"] == {
        "lifeboat/operation": "op-1",
        "lifeboat/backup": backup.data["backup"]["backupId"],
        "lifeboat/epoch": "1",
    }
    for name in ("workers-a", "workers-b"):
        pool = cluster.get(NODE_POOLS, "clusters", name)
        assert (pool["spec"]["pausedUntil"], pool["spec"]["management"]["autoRepair"]) == ("true", False)
    assert cluster.get(HOSTED_CONTROL_PLANES, "clusters-blue", "blue")["spec"]["pausedUntil"] == "true"
    assert cluster.get(CLUSTERS, "clusters-blue", "blue-x7k2p")["spec"]["paused"] is True
    touched = {(namespace, name) for _, _, namespace, name, _ in cluster.writes}
    assert not [each for each in touched if "green" in str(each)]


def test_a_node_pools_own_pause_is_kept_while_its_auto_repair_rests():
    backup = Backup(blue().with_node_pool("workers-c", paused_until="2026-11-04T00:00:00Z"))
    backup.preflight()
    backup.quiesce()
    spec = backup.cluster.get(NODE_POOLS, "clusters", "workers-c")["spec"]
    assert (spec["pausedUntil"], spec["management"]["autoRepair"]) == ("2026-11-04T00:00:00Z", False)


def test_resuming_leaves_every_object_as_it_was():
    backup = Backup(
        blue()
        .with_node_pool("workers-c", paused_until="true")
        .with_node_pool("workers-d", auto_repair=False)
        .with_replicas(kube_apiserver=2)
    )
    before = without_versions(backup.cluster)
    backup.preflight()
    backup.quiesce()
    assert backup.resume()["resumed"] is True
    assert backup.check_serving()["done"] is True
    assert backup.restore_auto_repair() == ["workers-a", "workers-b", "workers-c"]
    assert without_versions(backup.cluster) == before


def test_resuming_twice_changes_nothing_the_second_time():
    backup = Backup()
    backup.preflight()
    backup.quiesce()
    backup.resume()
    backup.cluster.writes.clear()
    assert backup.resume()["resumed"] is False
    assert backup.cluster.writes == []


@pytest.mark.parametrize("cut", range(12))
def test_a_resume_that_is_cut_off_anywhere_can_be_done_again(cut):
    backup = Backup()
    before = without_versions(backup.cluster)
    backup.preflight()
    backup.quiesce()
    left = cut

    def die(cluster):
        nonlocal left
        left -= 1
        if left < 0:
            raise ApiUnavailableError("killed")

    backup.cluster.after_write = die
    with pytest.raises(ApiUnavailableError):
        backup.resume()
    backup.cluster.after_write = None
    backup.resume()
    controllers(backup.cluster)
    backup.bring_back()
    assert without_versions(backup.cluster) == before


def test_a_second_start_goes_on_with_the_backup_and_the_counts_of_the_first():
    """The second preflight meets zeros everywhere, and must not record them."""
    backup = Backup()
    before = without_versions(backup.cluster)
    first = backup.preflight()["backupId"]
    backup.quiesce()
    backup.clock.pass_by(3600)
    backup.start(epoch=2)
    assert backup.preflight()["backupId"] == first
    backup.quiesce()
    backup.capture()
    backup.bring_back()
    assert without_versions(backup.cluster) == before


def test_a_failed_preflight_of_a_second_start_still_resumes_the_source():
    backup = Backup()
    before = without_versions(backup.cluster)
    backup.preflight()
    backup.quiesce()
    backup.start(epoch=2)
    backup.etcd.cluster_ids = {"etcd-1": 99}
    with pytest.raises(PreflightError, match="split brain"):
        backup.preflight()
    assert backup.resume()["resumed"] is True
    backup.restore_auto_repair()
    assert without_versions(backup.cluster) == before


def test_a_pause_without_a_record_of_before_is_never_guessed_at():
    backup = Backup()
    backup.preflight()
    backup.quiesce()
    backup.store.objects.clear()
    backup.start(epoch=2)
    with pytest.raises(BackupUnprovenError, match="by hand"):
        backup.preflight()


def test_deployments_without_their_pods_gone_are_not_stopped():
    backup = Backup()
    pod = an_object("v1", "Pod", "cpo-1", "clusters-blue", labels={"app": "control-plane-operator"})
    pod["metadata"] |= {"deletionTimestamp": "2026-11-03T10:00:00Z", "finalizers": ["x"]}
    backup.cluster.add(pod)
    backup.preflight()
    with pytest.raises(AssertionError):
        backup.quiesce()
    answer = backup.check_stopped("controllers")
    assert (answer["done"], answer["waitingFor"]) == (False, "1 pod(s) of control-plane-operator gone")


def test_what_a_late_reconcile_undid_is_done_again():
    backup = Backup()
    backup.preflight()
    backup.quiesce()
    backup.cluster.patch(DEPLOYMENTS, "clusters-blue", "kube-apiserver", {"spec": {"replicas": 3}})
    backup.cluster.patch(CLUSTERS, "clusters-blue", "blue-x7k2p", {"spec": {"paused": False}})
    assert backup.check_stopped("writers")["done"] is False
    assert backup.check_stopped("writers")["done"] is True


def test_the_marker_of_another_cluster_is_refused():
    cluster = a_management_cluster()
    cluster.add(an_object("v1", "ConfigMap", "mgmt-parent-cluster", "default", data={"from": "mgmt-7"}))
    with pytest.raises(PreflightError, match="mgmt-7"):
        marker.mark(cluster, "op-1")


def test_a_marker_that_was_there_stays():
    cluster = a_management_cluster()
    cluster.add(an_object("v1", "ConfigMap", "mgmt-parent-cluster", "default", data={"from": "mgmt-1"}))
    assert marker.mark(cluster, "op-1") is False
    assert marker.unmark(cluster, "op-1") is False
    assert cluster.get(CONFIG_MAPS, "default", "mgmt-parent-cluster")


def test_a_time_needs_its_zone():
    assert reconciliation.is_paused("2026-11-03T10:00:01Z", NOW - datetime.timedelta(seconds=1))


def test_a_pause_by_somebody_else_during_the_backup_is_not_waited_for():
    backup = Backup()
    backup.preflight()
    backup.cluster.patch(HOSTED_CLUSTERS, "clusters", "blue", {"spec": {"pausedUntil": "true"}})
    backup.cluster.patch(CLUSTERS, "clusters-blue", "blue-x7k2p", {"spec": {"paused": True}})
    backup.resume()
    assert backup.check_serving()["done"] is True


def test_a_source_that_is_not_ready_again_is_waited_for_and_named():
    backup = Backup()
    backup.preflight()
    backup.quiesce()
    backup.cluster.after_write = None
    backup.resume()
    answer = backup.check_serving()
    assert (answer["done"], "kube-apiserver ready (0 of 3)" in answer["waitingFor"]) == (False, True)


def test_waiting_for_the_source_ends_by_name():
    backup = Backup()
    backup.preflight()
    backup.quiesce()
    backup.cluster.after_write = None
    backup.resume()
    backup.data["serving"] = {**backup.check_serving(), "attempt": resuming.LOOKS - 1}
    with pytest.raises(ResumeFailedError, match="still waiting for"):
        backup.check_serving()


def test_what_was_not_ready_before_is_not_waited_for_afterwards():
    backup = Backup()
    held = backup.cluster._objects["Deployment", "clusters-blue", "kube-apiserver"]
    held["status"]["readyReplicas"] = 1
    backup.preflight()
    backup.quiesce()
    backup.resume()
    held = backup.cluster._objects["Deployment", "clusters-blue", "kube-apiserver"]
    held["status"]["readyReplicas"] = 1
    assert backup.check_serving()["done"] is True


def nobody():
    pytest.fail("the source was connected to")


def test_a_source_that_no_start_recorded_is_not_even_connected_to():
    """It may be no registered management cluster at all."""
    backup = Backup()
    answer = resuming.resume_if_touched(nobody, backup.store, backup.task())
    assert answer == {"touched": False, "resumed": False, "backupId": None, "infraId": None, "autoRepairOff": []}


def test_another_operations_or_another_sources_record_is_none_of_this_one():
    backup = Backup()
    backup.preflight()
    backup.start(operation="op-2")
    assert not resuming.resume_if_touched(nobody, backup.store, backup.task())["touched"]
    backup.start()["source"] = "mgmt-9"
    assert not resuming.resume_if_touched(nobody, backup.store, backup.task())["touched"]


def test_a_source_that_an_earlier_start_recorded_is_resumed():
    backup = Backup()
    backup.preflight()
    backup.quiesce()
    backup.start(epoch=2)
    answer = resuming.resume_if_touched(lambda: backup.cluster, backup.store, backup.task())
    assert (answer["touched"], answer["resumed"]) == (True, True)


def test_a_source_whose_record_is_lost_is_not_called_untouched():
    backup = Backup()
    backup.preflight()
    backup.quiesce()
    backup.store.objects.clear()
    with pytest.raises(ResumeFailedError, match="not recorded"):
        resuming.resume_if_touched(lambda: backup.cluster, backup.store, backup.task())
