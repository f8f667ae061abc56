"""Cluster API in two versions: what is refused before anything is changed, and in which version objects travel."""

import pytest

from lifeboat import handover, versions
from lifeboat.errors import PreflightError, TeardownRefusedError
from lifeboat.resources import MACHINE_SETS, MACHINES
from lifeboat.restore import objects
from lifeboat.restore.order import GROUPS
from lifeboat.restore.preflight import preflight
from lifeboat.teardown.preflight import preflight as teardown_preflight
from tests.unit.a_backup import Backup
from tests.unit.backed_up import World, a_backup, a_destination
from tests.unit.builders import a_crd, a_management_cluster, cluster_api_crds
from tests.unit.memory import NOW, MemoryExecutions

INNER = "clusters-blue"
NEW = "cluster.x-k8s.io/v1beta2"


def storing(cluster, version, **how):
    """Let a cluster store Cluster API so."""
    cluster.add(*cluster_api_crds(version, **how))
    return cluster


@pytest.fixture
def world() -> World:
    return a_backup()


class TestWithoutTheOperator:
    @pytest.mark.parametrize("version", ["v1beta1", "v1beta2"])
    def test_what_is_stored_in_one_version_needs_no_operator(self, version):
        assert versions.needing_the_operator(a_management_cluster(cluster_api=version)) == []

    def test_objects_that_may_be_stored_in_another_version_need_it(self):
        cluster = storing(a_management_cluster(), "v1beta2", also_stored="v1beta1")
        (told,) = versions.needing_the_operator(cluster)
        assert "mgmt-1 may still store v1beta1 objects of clusters.cluster.x-k8s.io" in told
        assert "machinehealthchecks.cluster.x-k8s.io" in told
        assert "status.storedVersions" in told

    def test_without_a_webhook_another_version_is_read_as_well(self):
        cluster = a_management_cluster()
        cluster.add(a_crd("clusters.cluster.x-k8s.io", "v1beta1", also_stored="v1alpha4"))
        assert versions.needing_the_operator(cluster) == []

    def test_a_namespace_would_ask_for_the_version_that_discovery_prefers(self):
        cluster = a_management_cluster()
        cluster.add(a_crd("clusters.cluster.x-k8s.io", "v1beta1", served=("v1beta1", "v1beta2")))
        (told,) = versions.needing_the_operator(cluster)
        assert "stores v1beta1, and v1beta2 is preferred, of clusters.cluster.x-k8s.io" in told

    @pytest.mark.parametrize("override", [None, {"by": "ada", "reason": "the destination is known to serve"}])
    def test_a_teardown_is_refused_before_it_begins_whoever_answers_for_it(self, world, override):
        storing(world.source, "v1beta2", also_stored="v1beta1")
        world.source.writes.clear()
        given = {"override": override} if override else {"restoreExecution": "arn:lifeboat-restore:one"}
        executions = MemoryExecutions()
        output = {"destination": "mgmt-2", "infraId": "blue-x7k2p", "recordSha256": "ab"}
        hosted = {"namespace": "clusters", "name": "blue"}
        executions.add("arn:lifeboat-restore:one", "SUCCEEDED", {"hostedCluster": hosted}, output)
        clusters = {each.name: each for each in (world.source, world.destination)}
        with pytest.raises(TeardownRefusedError, match="may still store v1beta1 objects"):
            teardown_preflight(
                world.task(**given), world.source, clusters.__getitem__, executions, world.store, world.signer, NOW
            )
        assert world.source.writes == []

    def test_a_move_that_could_not_end_does_not_begin(self):
        backup = Backup()
        storing(backup.cluster, "v1beta2", also_stored="v1beta1")
        backup.data["firstHalfOfMove"] = True
        with pytest.raises(PreflightError, match="finish the migration of their storage"):
            backup.preflight()
        assert backup.store.objects == {}

    def test_a_plain_backup_reads_while_the_operator_is_there(self):
        backup = Backup()
        storing(backup.cluster, "v1beta2", also_stored="v1beta1")
        assert backup.preflight()["infraId"] == "blue-x7k2p"


class TestOlderDestination:
    def test_it_is_refused_in_one_line(self, world):
        state = {each.crd: "v1beta2" for each in versions.TRAVELLING}
        (told,) = versions.not_taken(world.destination, state)
        assert told.startswith("clusters.cluster.x-k8s.io, machinedeployments.cluster.x-k8s.io, ")
        assert told.endswith("are stored as v1beta1 there and as v1beta2 at the source: upgrade HyperShift there first")

    @pytest.mark.parametrize("there", ["v1beta1", "v1beta2"])
    def test_the_same_or_a_newer_one_is_taken(self, world, there):
        storing(world.destination, there)
        assert list(versions.not_taken(world.destination, versions.of(world.source))) == []

    def test_a_version_that_is_not_served_any_more_is_not_taken(self, world):
        storing(world.destination, "v1beta2")
        world.destination.add(a_crd("machines.cluster.x-k8s.io", "v1beta2"))
        (told,) = versions.not_taken(world.destination, versions.of(world.source))
        assert told.startswith("machines.cluster.x-k8s.io is not served as v1beta1 there")

    def test_a_version_that_is_stored_and_not_served_cannot_be_read(self):
        definition = a_crd("machines.cluster.x-k8s.io", "v1beta2")
        definition["spec"]["versions"][0]["served"] = False
        with pytest.raises(PreflightError, match="does not serve it"):
            versions.stored(definition)

    def test_a_recovery_is_refused_before_anything_is_changed(self):
        backup = Backup()
        storing(backup.cluster, "v1beta2")
        with pytest.raises(PreflightError, match=r"mgmt-2 cannot take clusters/blue, nothing was changed: .*v1beta1"):
            look(backup, a_destination())
        assert backup.cluster.writes == []

    def test_a_source_that_this_operation_stopped_is_left_to_its_restore(self):
        """That one refuses as well, and resumes the source."""
        backup = Backup()
        backup.preflight()
        backup.quiesce()
        storing(backup.cluster, "v1beta2")
        assert look(backup, a_destination()) == {"destinationOwns": False}

    def test_the_restore_refuses_it(self, world):
        opened = world.open()
        opened.state.crd_storage_versions["machines.cluster.x-k8s.io"] = "v1beta2"
        with pytest.raises(PreflightError, match=r"machines\.cluster\.x-k8s\.io is stored as v1beta1 there"):
            preflight(opened, world.source, world.outside)
        assert world.destination.writes == []


class TestTravel:
    def test_objects_of_an_older_source_are_created_in_its_version(self, world):
        """Their fields are that version's; the destination's operator converts them."""
        storing(world.destination, "v1beta2")
        made = restored(world)
        assert {each["apiVersion"] for each in made if each["kind"] == "Machine"} == {"cluster.x-k8s.io/v1beta1"}

    def test_objects_of_a_newer_source_stay_as_they_are(self):
        world = a_backup()
        storing(world.destination, "v1beta2")
        opened = world.open()
        (exported, *_) = opened.manifests(MACHINES)
        world.destination.create(MACHINES, objects.prepare(MACHINES, {**exported, "apiVersion": NEW}, opened))
        (made,) = world.destination.objects("Machine")
        assert made["apiVersion"] == NEW

    def test_owners_are_named_in_the_version_that_the_destination_stores(self, world):
        storing(world.destination, "v1beta2")
        machines = [each for each in restored(world) if each["kind"] in (MACHINES.kind, MACHINE_SETS.kind)]
        owners = [owner for each in machines for owner in each["metadata"]["ownerReferences"]]
        assert owners
        assert {each["apiVersion"] for each in owners} == {NEW}

    def test_a_manifest_without_a_version_is_created_in_the_stored_one(self):
        cluster = a_management_cluster(cluster_api="v1beta2")
        made = cluster.create(MACHINES, {"metadata": {"name": "one", "namespace": INNER}, "spec": {}})
        assert made is not None
        assert made["apiVersion"] == NEW


def look(backup, destination):
    return handover.look(backup.cluster, destination, backup.store, backup.signer, MemoryExecutions(), backup.task())


def restored(world):
    opened = world.open()
    for group in GROUPS:
        objects.restore_group(opened, group)
    return world.destination.objects()
