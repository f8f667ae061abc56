"""A late twin meets the epoch of its successor on every object that it would change."""

import pytest

from lifeboat import epochs, reconciliation, resuming, writers
from lifeboat.errors import ConflictError, LeaseLostError
from lifeboat.resources import HOSTED_CLUSTERS, NAMESPACES
from lifeboat.restore.abandon import abandon
from tests.unit.a_backup import Backup, without_versions
from tests.unit.builders import a_management_cluster


@pytest.fixture
def backup():
    """Stopped by its first execution, then by its second."""
    backup = Backup()
    backup.before = without_versions(backup.cluster)
    backup.preflight()
    backup.quiesce()
    backup.first = backup.task()
    backup.start(epoch=2)
    backup.preflight()
    backup.quiesce()
    return backup


def stopped(backup):
    return writers.still_running(backup.cluster, backup.hosted.ref.control_plane_namespace, writers.ALL) == []


def test_a_way_back_that_slept_wakes_nothing_of_its_successor(backup):
    """Its reads are fresh, so its resourceVersions are: only the epoch tells."""
    with pytest.raises(LeaseLostError, match="bears epoch 2, newer than 1"):
        resuming.resume_source(backup.cluster, backup.store, backup.first)
    assert stopped(backup)
    hosted = backup.cluster.get(HOSTED_CLUSTERS, "clusters", "blue")
    assert reconciliation.signature(hosted).operation_id == "op-1"
    assert epochs.of(hosted) == 2


def test_every_object_that_is_stopped_bears_the_epoch(backup):
    found = {each["metadata"]["name"] for each in backup.cluster.objects() if epochs.of(each) == 2}
    assert found >= {"blue", "blue-x7k2p", "workers-a", "workers-b", *writers.ALL}


def test_after_a_way_back_no_epoch_is_left(backup):
    backup.bring_back()
    assert without_versions(backup.cluster) == backup.before


def test_a_seal_alone_keeps_an_older_way_back_from_waking_the_source(backup):
    epochs.seal(backup.cluster, backup.hosted.ref, writers.ALL, 7)
    with pytest.raises(LeaseLostError, match="bears epoch 7"):
        resuming.resume_source(backup.cluster, backup.store, backup.task())
    assert stopped(backup)
    with pytest.raises(LeaseLostError):
        epochs.seal(backup.cluster, backup.hosted.ref, writers.ALL, 6)


def test_a_clean_up_that_slept_deletes_nothing_of_its_successor(backup):
    destination = a_management_cluster("mgmt-2")
    annotations = {reconciliation.OPERATION: "op-1", epochs.EPOCH: "2"}
    destination.add({"kind": "Namespace", "metadata": {"name": "clusters-blue", "annotations": annotations}})
    with pytest.raises(LeaseLostError):
        abandon(destination, backup.hosted.ref, "op-1", 1)

    def successor_comes():
        destination.patch(NAMESPACES, None, "clusters-blue", {"metadata": {"annotations": {epochs.EPOCH: "3"}}})
        destination.add(backup.hosted.hosted_cluster())

    with pytest.raises(ConflictError):
        abandon(destination, backup.hosted.ref, "op-1", 2, successor_comes)
    assert "deletionTimestamp" not in destination.get(NAMESPACES, None, "clusters-blue")["metadata"]
