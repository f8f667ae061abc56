"""A backup becomes objects at a destination: all of them, by live owners, still until the HostedCluster comes."""

import dataclasses

import pytest

from lifeboat.errors import ApiUnavailableError, FenceUnprovenError, PreflightError, RestoreFailedError
from lifeboat.layout import ClusterLayout
from lifeboat.reconciliation import OPERATION as OPERATION_MARK
from lifeboat.references import REFERENCED
from lifeboat.resources import HOSTED_CLUSTERS, NAMESPACES, NODE_POOLS, SECRETS
from lifeboat.restore import etcd_volumes, hosted_cluster, objects
from lifeboat.restore.abandon import abandon
from lifeboat.restore.destination import create_namespaces
from lifeboat.restore.loading import load
from lifeboat.restore.order import ALL, GROUPS
from lifeboat.restore.preflight import preflight
from lifeboat.restore.relink import relink
from lifeboat.restore.serving import HELD
from tests.unit.backed_up import BACKUP, OPERATION, a_backup, a_node, supported
from tests.unit.builders import (
    a_crd,
    a_deployment,
    a_hosted_cluster,
    a_pod,
    an_object,
    blue,
)
from tests.unit.memory import NOW
from tests.unit.restore.at_destination import INNER, names, one, restore_objects, still_fenced


def support(cluster, data):
    """Let the destination's operator list these versions."""
    cluster.add(an_object("v1", "ConfigMap", "supported-versions", "hypershift", data=data))


class TestPreflight:
    def test_a_fit_destination_passes(self, world, destination):
        assert preflight(destination, world.source, world.outside) == {"handedOver": False}
        assert not destination.cluster.writes

    @pytest.mark.parametrize(
        ("spoil", "told"),
        [
            (lambda c: c.add(an_object("v1", "Namespace", INNER)), "namespace clusters-blue exists"),
            (lambda c: c.add(blue().hosted_cluster()), "HostedCluster clusters/blue exists"),
            (lambda c: c.add(*blue()._pool(blue()._pools[0], INNER, blue().hosted_cluster(), {
                "apiVersion": "v1", "kind": "Cluster", "metadata": {"name": "x", "uid": "y"}}, {})[:1]),
             "NodePools of clusters/blue exist"),
            (lambda c: c.add(a_deployment("operator", "hypershift", 0)), "operator"),
            (lambda c: c.remove("Deployment", "hypershift", "external-dns"), "ExternalDNS"),
            (lambda c: c.add(a_deployment("external-dns", "hypershift", 1, args=["--domain-filter=other.example"])),
             "does not manage api-blue.hosted.example.com"),
            (lambda c: c.add(a_crd("clusters.cluster.x-k8s.io", "v1alpha4")), "upgrade HyperShift"),
            (lambda c: c.remove("CustomResourceDefinition", None, "clusters.cluster.x-k8s.io"), "is not installed"),
            (lambda c: c.remove("StorageClass", None, "gp3-csi"), "StorageClass gp3-csi"),
            (lambda c: c.add(a_node("us-east-2b", ready="False")), "Ready nodes in 3 zones, there are 2"),
            (lambda c: c.remove("ConfigMap", "hypershift", "supported-versions"), "supported-versions"),
            (lambda c: support(c, supported("4.16", "4.15")), r"release 4\.17\.12 .it supports 4\.16, 4\.15.: install"),
            (lambda c: support(c, supported("4.1")), r"does not support release 4\.17\.12"),
            (lambda c: support(c, supported()), "it supports none"),
            (lambda c: support(c, {}), "lists no versions that can be read"),
            (lambda c: support(c, {"supported-versions": "[]"}), "lists no versions that can be read"),
            (lambda c: c.add(an_object("v1", "Secret", "pull-secret", "clusters", data={"key": "b3RoZXI="})),
             "Secret clusters/pull-secret exists there with other content"),
            (lambda c: c.add(an_object("v1", "Namespace", "clusters", deletionTimestamp="now")), "is being deleted"),
        ],
    )  # fmt: skip
    def test_an_unfit_destination_is_refused_by_name(self, world, destination, spoil, told):
        spoil(destination.cluster)
        with pytest.raises(PreflightError, match=told):
            preflight(destination, world.source, world.outside)

    def test_a_release_whose_version_nobody_told_is_refused(self, world, destination):
        untold = dataclasses.replace(destination, state=dataclasses.replace(destination.state, release_version=""))
        with pytest.raises(PreflightError, match=r"did not tell the version of its release .*back it up again"):
            preflight(untold, world.source, world.outside)

    def test_two_external_dns_of_one_id_are_refused(self, world, destination):
        """Each would withdraw the other's names."""
        args = ["--txt-owner-id=owner-1", "--domain-filter=hosted.example.com"]
        destination.cluster.add(a_deployment("external-dns", "hypershift", 1, args=args))
        with pytest.raises(PreflightError, match="the same --txt-owner-id=owner-1"):
            preflight(destination, world.source, world.outside)

    def test_a_source_that_does_not_answer_is_the_fences_business(self, world, destination):
        world.source.fail_next(ApiUnavailableError("mgmt-1 does not answer"))
        assert preflight(destination, world.source, world.outside) == {"handedOver": False}

    def test_an_external_dns_of_the_silent_sources_id_is_refused_by_what_the_backup_tells(self, world, destination):
        args = ["--txt-owner-id=owner-1", "--domain-filter=hosted.example.com"]
        destination.cluster.add(a_deployment("external-dns", "hypershift", 1, args=args))
        state = dataclasses.replace(destination.state, external_dns={"owner": "owner-1"})
        world.source.fail_next(ApiUnavailableError("mgmt-1 does not answer"))
        with pytest.raises(PreflightError, match=r"mgmt-1, when it was backed up.*the same --txt-owner-id=owner-1"):
            preflight(dataclasses.replace(destination, state=state), world.source, world.outside)

    def test_all_problems_are_told_at_once(self, world, destination):
        destination.cluster.remove("StorageClass", None, "gp3-csi")
        destination.cluster.remove("Deployment", "hypershift", "operator")
        with pytest.raises(PreflightError, match=r"operator.*StorageClass"):
            preflight(destination, world.source, world.outside)

    def test_what_this_operation_left_is_no_problem(self, world, destination):
        restore_objects(destination)
        assert preflight(destination, world.source, world.outside) == {"handedOver": False}

    def test_a_second_start_after_the_point_of_no_return_is_told_so(self, world, destination):
        restore_objects(destination)
        hosted_cluster.create_hosted_cluster(destination, NOW, still_fenced)
        assert preflight(destination, world.source, world.outside) == {"handedOver": True}

    def test_what_another_operation_left_is_refused(self, world, destination):
        create_namespaces(destination)
        with pytest.raises(PreflightError, match="namespace clusters-blue exists"):
            preflight(world.open("op-2"), world.source, world.outside)


def test_latest_passes_over_what_is_not_proven_and_tells_so(world):
    newer = "20261104t100000z-quiesced-00000002"
    world.store.put(ClusterLayout(world.builder.ref, world.builder.infra_id).backup(newer).record, b"{}")
    loaded = load(world.store, world.signer, world.task(backup={"backupId": "latest"}))
    assert loaded["backupId"] == BACKUP
    (skipped,) = loaded["skipped"]
    assert skipped.startswith(f"{newer}: ")


class TestObjects:
    def test_everything_of_the_hosted_cluster_comes_back_and_nothing_else(self, world, destination):
        restore_objects(destination)
        for kind in ("Machine", "MachineSet", "MachineDeployment", "AWSMachine", "AWSMachineTemplate", "Cluster"):
            assert names(world.destination, kind) == names(world.source, kind)
        assert not [each for each in world.destination.objects() if "green" in each["metadata"]["name"]]
        assert objects.check_owners(destination)["objects"] > 20

    def test_all_owner_references_name_live_uids(self, destination):
        restore_objects(destination)
        live = {each["metadata"]["uid"] for each in destination.cluster.objects()}
        references = [
            owner for each in destination.cluster.objects() for owner in each["metadata"].get("ownerReferences") or ()
        ]
        assert len(references) > 15
        assert {each["uid"] for each in references} <= live

    def test_the_control_plane_gets_its_owner_in_the_second_pass(self, destination):
        create_namespaces(destination)
        for group in GROUPS:
            objects.restore_group(destination, group)
        assert not one(destination.cluster, "HostedControlPlane", "blue")["metadata"].get("ownerReferences")
        assert relink(objects.destination_links(destination), ALL, INNER)["relinked"] == 1
        (owner,) = one(destination.cluster, "HostedControlPlane", "blue")["metadata"]["ownerReferences"]
        assert owner["uid"] == one(destination.cluster, "Cluster", "blue-x7k2p")["metadata"]["uid"]

    def test_relinking_twice_changes_nothing(self, destination):
        restore_objects(destination)
        assert relink(objects.destination_links(destination), ALL, INNER)["relinked"] == 0

    def test_cluster_api_stands_still(self, destination):
        restore_objects(destination)
        assert one(destination.cluster, "Cluster", "blue-x7k2p")["spec"]["paused"] is True
        deployment = one(destination.cluster, "MachineDeployment", "workers-a")
        assert deployment["metadata"]["annotations"][objects.PAUSED] == "true"
        machine_set = one(destination.cluster, "MachineSet", "workers-a-abc")
        assert objects.PAUSED not in (machine_set["metadata"].get("annotations") or {})
        assert one(destination.cluster, "HostedControlPlane", "blue")["spec"]["pausedUntil"] == "true"

    def test_a_second_run_changes_nothing(self, destination):
        restore_objects(destination)
        before = destination.cluster.objects()
        restore_objects(destination)
        assert destination.cluster.objects() == before

    def test_owners_come_before_dependents(self, destination):
        restore_objects(destination)
        order = [kind for verb, kind, *_ in destination.cluster.writes if verb == "create"]
        wanted = ["HostedControlPlane", "Secret", "Cluster", "MachineDeployment", "MachineSet", "Machine", "AWSMachine"]
        assert sorted(wanted, key=order.index) == wanted

    def test_a_shared_secret_with_the_same_content_is_left_as_it_is(self, world, destination):
        shared = one(world.source, "Secret", "pull-secret", "clusters")
        world.destination.add({**shared, "metadata": {"name": "pull-secret", "namespace": "clusters"}})
        before = one(world.destination, "Secret", "pull-secret", "clusters")
        restore_objects(destination)
        assert one(world.destination, "Secret", "pull-secret", "clusters") == before

    def test_marks_for_other_hosted_clusters_of_the_source_do_not_come_along(self, destination):
        exported = an_object("v1", "Secret", "pull-secret", "clusters")
        marks = {REFERENCED + "blue": "true", REFERENCED + "blue-green": "true", "kept": "yes"}
        exported["metadata"]["annotations"] = marks
        prepared = objects.prepare(SECRETS, exported, destination)
        assert set(prepared["metadata"]["annotations"]) == {REFERENCED + "blue", "kept", OPERATION_MARK}

    def test_a_lost_object_is_told(self, destination):
        restore_objects(destination)
        destination.cluster.remove("AWSMachine", INNER, "workers-a-abc-0")
        with pytest.raises(RestoreFailedError, match="AWSMachine workers-a-abc-0 is gone"):
            objects.check_owners(destination)

    def test_a_machine_without_its_instance_is_told(self, destination):
        restore_objects(destination)
        del one(destination.cluster, "Machine", "workers-a-abc-0")["spec"]["providerID"]
        with pytest.raises(RestoreFailedError, match="lost its providerID"):
            objects.check_owners(destination)

    def test_a_missing_owner_reference_is_told(self, destination):
        restore_objects(destination)
        one(destination.cluster, "Machine", "workers-a-abc-0")["metadata"]["ownerReferences"] = []
        with pytest.raises(RestoreFailedError, match="lacks its owner MachineSet workers-a-abc"):
            objects.check_owners(destination)


class TestEtcdVolumes:
    def test_one_claim_and_one_hardened_pod_per_member(self, destination):
        create_namespaces(destination)
        etcd_volumes.create(destination)
        assert names(destination.cluster, "PersistentVolumeClaim") == [f"data-etcd-{n}" for n in range(3)]
        claim = one(destination.cluster, "PersistentVolumeClaim", "data-etcd-0")
        assert claim["metadata"]["labels"] == {"app": "etcd"}
        assert claim["spec"]["storageClassName"] == "gp3-csi"
        pod = one(destination.cluster, "Pod", "lifeboat-etcd-0")
        assert pod["metadata"]["labels"]["app"] != "etcd"
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert one(destination.cluster, "Secret", etcd_volumes.PULL_SECRET)["type"] == "kubernetes.io/dockerconfigjson"

    def test_helpers_are_waited_for_by_name_and_reason(self, destination):
        create_namespaces(destination)
        etcd_volumes.create(destination)
        one(destination.cluster, "Pod", "lifeboat-etcd-1")["status"] = {
            "phase": "Pending",
            "containerStatuses": [{"ready": False, "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
        }
        destination.cluster.add(a_pod("lifeboat-etcd-0", INNER, labels={}), a_pod("lifeboat-etcd-2", INNER, labels={}))
        assert etcd_volumes.waiting_helpers(destination) == ["lifeboat-etcd-1 (ImagePullBackOff)"]

    def test_removing_helpers_keeps_the_claims(self, destination):
        create_namespaces(destination)
        etcd_volumes.create(destination)
        assert len(etcd_volumes.remove_helpers(destination)) == 3
        assert etcd_volumes.remove_helpers(destination) == []
        assert not names(destination.cluster, "Pod")
        assert etcd_volumes.PULL_SECRET not in names(destination.cluster, "Secret")
        assert len(names(destination.cluster, "PersistentVolumeClaim")) == 3

    def test_a_lost_helper_asks_for_a_new_start(self, destination):
        create_namespaces(destination)
        waiting, lost, _ = etcd_volumes.unfinished(destination)
        assert (len(waiting), lost) == (3, True)


class TestHostedCluster:
    def test_it_comes_unpaused_and_unsigned_with_its_finalizers(self, destination):
        restore_objects(destination)
        hosted_cluster.create_hosted_cluster(destination, NOW, still_fenced)
        live = one(destination.cluster, "HostedCluster", "blue", "clusters")
        assert "pausedUntil" not in live["spec"]
        assert not [each for each in live["metadata"].get("annotations") or {} if each.startswith("lifeboat")]
        assert "hypershift.io/aws-oidc-discovery" in live["metadata"]["finalizers"]

    def test_creating_it_twice_answers_the_same_uid(self, destination):
        restore_objects(destination)
        first = hosted_cluster.create_hosted_cluster(destination, NOW, still_fenced)
        assert hosted_cluster.create_hosted_cluster(destination, NOW, still_fenced) == first

    def test_it_is_not_created_beside_a_source_that_runs_again(self, destination):
        restore_objects(destination)

        def no_longer():
            raise FenceUnprovenError("mgmt-1 no longer is fenced")

        with pytest.raises(FenceUnprovenError):
            hosted_cluster.create_hosted_cluster(destination, NOW, no_longer)
        assert destination.live_hosted_cluster() is None

    def test_nothing_comes_between_the_last_look_and_its_creation(self, destination):
        restore_objects(destination)
        seen = []
        hosted_cluster.create_hosted_cluster(destination, NOW, lambda: seen.append(len(destination.cluster.writes)))
        assert [kind for _, kind, *_ in destination.cluster.writes[seen[0] :]] == ["HostedCluster"]

    def test_it_is_not_created_in_a_namespace_that_is_not_ours(self, destination):
        destination.cluster.create(NAMESPACES, {"metadata": {"name": INNER}})
        with pytest.raises(RestoreFailedError):
            hosted_cluster.create_hosted_cluster(destination, NOW, still_fenced)
        assert destination.live_hosted_cluster() is None

    def test_another_cluster_of_that_name_is_refused(self, destination):
        destination.cluster.add(a_hosted_cluster("blue", infra_id="blue-other").hosted_cluster())
        with pytest.raises(RestoreFailedError, match="another HostedCluster"):
            hosted_cluster.create_hosted_cluster(destination, NOW, still_fenced)

    def test_an_old_snapshot_url_goes_from_both(self):
        storage = {"type": "PersistentVolume", "restoreSnapshotURL": ["https://old.example/x"]}
        etcd = {"managementType": "Managed", "managed": {"storage": storage}}
        destination = a_backup(blue().with_spec(etcd=etcd)).open()
        restore_objects(destination)
        hosted_cluster.create_hosted_cluster(destination, NOW, still_fenced)
        assert "old.example" not in str(destination.cluster.objects("HostedCluster"))

    def test_node_pools_come_held_without_auto_repair_which_they_get_back_later(self, destination):
        hosted_cluster.create_node_pools(destination, NOW)
        pool = one(destination.cluster, "NodePool", "workers-a", "clusters")
        assert (pool["spec"]["pausedUntil"], pool["spec"]["management"]["autoRepair"]) == ("true", False)
        assert pool["metadata"]["annotations"][HELD] == OPERATION
        hosted_cluster.restore_auto_repair(destination)
        assert one(destination.cluster, "NodePool", "workers-a", "clusters")["spec"]["management"]["autoRepair"] is True

    def test_a_node_pools_own_pause_and_repair_setting_are_carried_over(self):
        builder = a_hosted_cluster("blue").with_node_pool("own", paused_until="2027-01-01T00:00:00Z", auto_repair=False)
        destination = a_backup(builder).open()
        hosted_cluster.create_node_pools(destination, NOW)
        assert hosted_cluster.restore_auto_repair(destination) == {"autoRepair": []}
        pool = one(destination.cluster, "NodePool", "own", "clusters")
        assert pool["spec"]["pausedUntil"] == "2027-01-01T00:00:00Z"
        assert HELD not in pool["metadata"]["annotations"]
        assert pool["spec"]["management"]["autoRepair"] is False


class TestAbandon:
    def test_a_restore_leaves_nothing_behind_before_the_point_of_no_return(self, world, destination):
        before = sorted(str((each["kind"], each["metadata"]["name"])) for each in world.destination.objects())
        restore_objects(destination)
        etcd_volumes.create(destination)
        while not abandon(world.destination, world.builder.ref, OPERATION)["done"]:
            pass
        world.destination.remove("Namespace", None, "clusters")  # the shared namespace stays, others may live there
        after = sorted(str((each["kind"], each["metadata"]["name"])) for each in world.destination.objects())
        assert after == before

    def test_nothing_is_touched_once_the_hosted_cluster_exists(self, world, destination):
        restore_objects(destination)
        hosted_cluster.create_hosted_cluster(destination, NOW, still_fenced)
        before = world.destination.objects()
        answer = abandon(world.destination, world.builder.ref, OPERATION)
        assert (answer["done"], answer["handedOver"]) == (True, True)
        assert world.destination.objects() == before

    def test_another_operations_namespace_is_left_alone(self, world, destination):
        restore_objects(destination)
        before = world.destination.objects()
        assert abandon(world.destination, world.builder.ref, "op-2")["done"]
        assert world.destination.objects() == before

    def test_what_another_hosted_cluster_rests_on_by_now_stays_and_is_no_longer_ours(self, world, destination):
        restore_objects(destination)
        green = a_hosted_cluster("green").hosted_cluster()
        green["spec"]["pullSecret"] = {"name": "pull-secret"}
        world.destination.add(green)
        while not abandon(world.destination, world.builder.ref, OPERATION)["done"]:
            pass
        assert names(world.destination, "Secret", "clusters") == ["pull-secret"]
        left = one(world.destination, "Secret", "pull-secret", "clusters")
        assert OPERATION_MARK not in (left["metadata"].get("annotations") or {})

    def test_what_another_hosted_clusters_node_pool_refers_to_stays(self, world, destination):
        restore_objects(destination)
        pool = an_object("hypershift.openshift.io/v1beta1", "NodePool", "workers", "clusters")
        spec = {"clusterName": "green", "config": [{"name": "workers-kubelet-config"}]}
        world.destination.add({**pool, "spec": spec})
        while not abandon(world.destination, world.builder.ref, OPERATION)["done"]:
            pass
        assert names(world.destination, "ConfigMap", "clusters") == ["workers-kubelet-config"]

    def test_no_finalizer_comes_off_while_a_cluster_api_controller_is_there(self, world, destination):
        restore_objects(destination)
        world.destination.add(a_pod("capi-provider-1", INNER, labels={"app": "capi-provider"}))
        assert not abandon(world.destination, world.builder.ref, OPERATION)["done"]
        assert one(world.destination, "Machine", "workers-a-abc-0")["metadata"]["finalizers"]


def test_kinds_are_restored_before_the_hosted_cluster():
    assert HOSTED_CLUSTERS not in ALL
    assert NODE_POOLS not in ALL
