"""A moved hosted cluster goes from its source; its neighbour, and everything that could act, do not notice."""

import pytest

from lifeboat import backups, writers
from lifeboat.errors import TeardownRefusedError
from lifeboat.references import REFERENCED
from lifeboat.resources import DEPLOYMENTS, HOSTED_CLUSTERS
from lifeboat.teardown import control_plane, deletion, plan
from tests.unit.backed_up import OPERATION, set_conditions
from tests.unit.builders import a_pod, an_object, blue
from tests.unit.teardown.steps import BLUE, INNER, RESTORE, check, hold, stop_all, tear_down, told


def is_blue(manifest):
    metadata = manifest["metadata"]
    own = {"blue", "workers-a", "workers-b", "workers-kubelet-config", INNER, f"{INNER}-cpo"}
    return metadata.get("namespace") == INNER or metadata["name"] in own or metadata["name"].startswith(
        ("blue-ssh", "blue-etcd", "blue-trust")
    )  # fmt: skip


class TestPreflight:
    def test_a_verified_restore_lets_it_go_on(self, world, executions):
        answer = check(world, executions)
        assert (answer["infraId"], answer["destination"]) == ("blue-x7k2p", "mgmt-2")

    @pytest.mark.parametrize(
        ("spoil", "why"),
        [
            (lambda w, e: e.add(RESTORE, "FAILED"), "it is FAILED"),
            (lambda w, e: e.add(RESTORE, "RUNNING"), "it is RUNNING"),
            (lambda w, e: e.executions.clear(), "no execution of lifeboat-restore"),
            (
                lambda w, e: e.add(RESTORE, "SUCCEEDED", {"hostedCluster": {"namespace": "clusters", "name": "x"}}),
                "another hosted cluster",
            ),
            (lambda w, e: w.destination.remove("HostedCluster", "clusters", "blue"), "it is not on mgmt-2"),
            (
                lambda w, e: set_conditions(w.destination, "HostedCluster", "clusters", "blue", Available="False"),
                "mgmt-2 still waits for HostedCluster Available",
            ),
            (
                lambda w, e: w.source.patch(HOSTED_CLUSTERS, "clusters", "blue", {"spec": {"pausedUntil": None}}),
                "not paused by Lifeboat",
            ),
            (lambda w, e: writers.scale(w.source, INNER, {"kube-apiserver": 3}), "kube-apiserver scaled to 0"),
            (
                lambda w, e: w.source.add(a_pod("capi-1", INNER, labels={"app": "capi-provider"})),
                "pod.s. of capi-provider gone",
            ),
            (lambda w, e: w.source.add(an_object("v1", "Route", "oauth", INNER)), "its Routes are still"),
            (
                lambda w, e: w.source.add(
                    an_object(
                        "hive.openshift.io/v1",
                        "ClusterDeployment",
                        "blue",
                        "blue",
                        spec={"clusterMetadata": {"infraID": "blue-x7k2p"}},
                    )
                ),
                "preserveOnDelete to true",
            ),
            (
                lambda w, e: w.source._objects["HostedCluster", "clusters", "blue"]["metadata"].update(
                    ownerReferences=[{"kind": "AppliedManifestWork", "name": "work", "uid": "u"}]
                ),
                "owned by AppliedManifestWork work, which would make it anew",
            ),
            (
                lambda w, e: w.source.forbidden.add(("delete", "machines")),
                "may not delete machines.cluster.x-k8s.io in clusters-blue: bind",
            ),
        ],
    )
    def test_what_is_not_proven_is_refused(self, world, executions, spoil, why):
        spoil(world, executions)
        before = world.source.objects()
        with pytest.raises(TeardownRefusedError, match=why):
            check(world, executions)
        assert world.source.objects() == before

    def test_a_person_may_take_the_responsibility(self, world, executions):
        world.source.patch(HOSTED_CLUSTERS, "clusters", "blue", {"spec": {"pausedUntil": None}})
        answer = check(world, executions, override={"reason": "source is lost", "approvedBy": "somebody"})
        assert answer["override"] is True

    def test_its_plan_names_the_record_that_was_restored(self, world, executions):
        check(world, executions)
        assert plan.read(world.store, world.signer, BLUE, OPERATION).record_sha256 == "ab"

    def test_a_person_who_answers_for_it_deletes_by_the_backup_for_which_it_is_paused(self, world, executions):
        _, sha256 = backups.load(world.store, world.signer, BLUE, "latest")
        check(world, executions, override={"reason": "source is lost", "approvedBy": "somebody"})
        assert plan.read(world.store, world.signer, BLUE, OPERATION).record_sha256 == sha256

    def test_a_cluster_that_was_never_backed_up_has_a_plan_without_a_record(self, world, executions):
        annotations = {"lifeboat/operation": None, "lifeboat/backup": None}
        world.source.patch(HOSTED_CLUSTERS, "clusters", "blue", {"metadata": {"annotations": annotations}})
        check(world, executions, override={"reason": "source is lost", "approvedBy": "somebody"})
        assert plan.read(world.store, world.signer, BLUE, OPERATION).record_sha256 is None

    def test_a_second_execution_goes_on_with_the_plan_of_the_first(self, world, executions):
        tear_down(world, executions)
        assert check(world, executions)["infraId"] == "blue-x7k2p"

    def test_another_operation_does_not_go_on_with_it(self, world, executions):
        tear_down(world, executions)
        with pytest.raises(TeardownRefusedError, match="no HostedCluster"):
            check(world, executions, operation_id="op-2")


class TestDeletion:
    def test_everything_of_the_cluster_goes(self, world, executions):
        planned, _ = tear_down(world, executions)
        assert deletion.remaining(world.source, planned) == []
        assert told(world.source.objects(), is_blue) == []

    def test_the_neighbour_and_what_is_shared_stay_as_they_were(self, world, executions):
        def others(each):
            return not is_blue(each) and each["metadata"]["name"] != "mgmt-parent-cluster"

        before = told(world.source.objects(), others)
        tear_down(world, executions)
        assert told(world.source.objects(), others) == before
        assert world.source._objects["Secret", "clusters", "pull-secret"]

    @pytest.mark.parametrize(("marked_for", "stays"), [("blue-green", True), ("long-gone", False)])
    def test_a_mark_counts_only_for_a_hosted_cluster_that_is_there(self, world, executions, marked_for, stays):
        """Marks of a cluster that never was here may have come with a backup."""
        ssh_key = world.source._objects["Secret", "clusters", "blue-ssh-key"]
        ssh_key["metadata"]["annotations"] = {f"{REFERENCED}{each}": "true" for each in ("blue", marked_for)}
        tear_down(world, executions)
        assert (("Secret", "clusters", "blue-ssh-key") in world.source._objects) is stays

    def test_a_second_run_changes_nothing(self, world, executions):
        planned, _ = tear_down(world, executions)
        before = world.source.objects()
        deletion.remove_finalizers(world.source, planned)
        assert deletion.delete_objects(world.source, planned) == {"deleted": {}}
        assert world.source.objects() == before

    def test_a_cluster_made_anew_under_the_same_name_is_left_alone(self, world, executions):
        planned, _ = tear_down(world, executions)
        anew = blue().hosted_cluster()
        anew["metadata"]["uid"] = "another"
        world.source.add(anew, an_object("v1", "Namespace", INNER) | {"metadata": {"name": INNER, "uid": "new"}})
        deletion.remove_finalizers(world.source, planned)
        deletion.delete_objects(world.source, planned)
        assert world.source._objects["HostedCluster", "clusters", "blue"]["metadata"]["finalizers"]
        assert world.source._objects["Namespace", None, INNER]

    @pytest.mark.parametrize("act", [deletion.remove_finalizers, deletion.delete_objects])
    def test_nothing_is_touched_while_a_controller_is_there(self, world, executions, act):
        check(world, executions)
        stop_all(world)
        planned = plan.read_or_refuse(world.store, world.signer, BLUE, OPERATION)
        world.source.add(a_pod("capi-provider-x", INNER, labels={"app": "capi-provider"}))
        before = world.source.objects()
        with pytest.raises(TeardownRefusedError, match="capi-provider-x is back"):
            act(world.source, planned)
        assert world.source.objects() == before

    @pytest.mark.parametrize("act", [deletion.remove_finalizers, deletion.delete_objects])
    def test_nothing_is_touched_while_the_operator_is_there(self, world, executions, act):
        check(world, executions)
        stop_all(world)
        planned = plan.read_or_refuse(world.store, world.signer, BLUE, OPERATION)
        world.source.patch(DEPLOYMENTS, "hypershift", "operator", {"spec": {"replicas": 1}})
        with pytest.raises(TeardownRefusedError, match="operator at 0 replicas"):
            act(world.source, planned)

    def ready(self, world, executions):
        """Still, planned, without finalizers: right before the first delete."""
        check(world, executions)
        stop_all(world)
        planned = plan.read_or_refuse(world.store, world.signer, BLUE, OPERATION)
        deletion.remove_finalizers(world.source, planned)
        return planned

    @pytest.mark.parametrize(
        ("kind", "namespace", "name"),
        [
            ("NodePool", "clusters", "workers-a"),
            ("Machine", INNER, "workers-a-abc-0"),
            ("AWSMachine", INNER, "workers-a-abc-0"),
            ("HostedControlPlane", INNER, "blue"),
            ("HostedCluster", "clusters", "blue"),
        ],
    )
    def test_a_finalizer_that_came_back_is_never_met_by_a_delete(self, world, executions, kind, namespace, name):
        """The object would only be marked, and its controller would see that."""
        planned = self.ready(world, executions)
        world.source._objects[kind, namespace, name]["metadata"]["finalizers"] = ["came/back"]
        marked = []
        world.source.after_write = lambda cluster: marked.extend(
            each for each in cluster.objects(kind) if each["metadata"].get("deletionTimestamp")
        )
        deletion.delete_objects(world.source, planned)
        assert marked == []
        assert deletion.remaining(world.source, planned) == []

    def test_what_changes_between_the_look_and_the_delete_is_looked_at_again(self, world, executions, monkeypatch):
        planned = self.ready(world, executions)
        delete, raced = world.source.delete, []

        def racing(resource, namespace, name, **options):
            if resource.kind == "HostedCluster" and not raced:
                raced.append(name)
                world.source.patch(resource, namespace, name, {"metadata": {"finalizers": ["came/back"]}})
            delete(resource, namespace, name, **options)

        monkeypatch.setattr(world.source, "delete", racing)
        deletion.delete_objects(world.source, planned)
        assert raced
        assert deletion.remaining(world.source, planned) == []
        written = [verb for verb, kind, *_ in world.source.writes if kind == "HostedCluster"]
        assert written[-3:] == ["patch", "patch", "delete"]

    def test_a_finalizer_that_comes_back_each_time_ends_the_teardown_before_the_namespace_goes(self, world, executions):
        planned = self.ready(world, executions)

        def come_back(cluster):
            cluster._objects["AWSMachine", INNER, "workers-a-abc-0"]["metadata"]["finalizers"] = ["came/back"]

        world.source.after_write = come_back
        with pytest.raises(TeardownRefusedError, match="AWSMachine workers-a-abc-0 on mgmt-1 keeps changing"):
            deletion.delete_objects(world.source, planned)
        assert world.source._objects["Namespace", None, INNER]
        assert world.source._objects["HostedCluster", "clusters", "blue"]

    def test_a_changed_plan_is_refused(self, world, executions):
        check(world, executions)
        key = next(each for each in world.store.objects if each.endswith("operations/op-1/plan.json"))
        world.store.objects[key] = world.store.objects[key].replace(b"workers-a", b"green-workers")
        with pytest.raises(Exception, match="changed after it was signed"):
            plan.read_or_refuse(world.store, world.signer, BLUE, OPERATION)

    def test_what_is_stuck_is_named_with_its_finalizer(self, world, executions):
        planned, _ = tear_down(world, executions)
        stuck = blue().hosted_cluster()
        (doomed,) = planned.of(HOSTED_CLUSTERS)
        stuck["metadata"] |= {"uid": doomed.uid, "finalizers": ["example.com/forgotten"]}
        world.source.add(stuck)
        assert deletion.remaining(world.source, planned) == [
            "HostedCluster clusters/blue to be gone (example.com/forgotten)"
        ]


class TestControlPlane:
    def test_everything_goes_to_zero_and_claims_are_retained(self, world):
        world.source._objects["StatefulSet", INNER, "etcd"]["spec"]["persistentVolumeClaimRetentionPolicy"] = {
            "whenScaled": "Delete",
            "whenDeleted": "Retain",
        }
        hold(world)
        control_plane.stop(world.source, BLUE)
        etcd = world.source._objects["StatefulSet", INNER, "etcd"]
        assert etcd["spec"]["replicas"] == 0
        assert etcd["spec"]["persistentVolumeClaimRetentionPolicy"] == {
            "whenScaled": "Retain",
            "whenDeleted": "Retain",
        }

    def test_it_is_refused_while_the_operator_runs(self, world):
        with pytest.raises(TeardownRefusedError):
            control_plane.stop(world.source, BLUE)

    def test_pods_are_waited_for_controllers_first_and_ended_jobs_are_not(self, world):
        ended = a_pod("job-1", INNER, labels={})
        ended["status"] = {"phase": "Succeeded"}
        world.source.add(ended, a_pod("cluster-api-1", INNER, labels={"app": "cluster-api"}))
        waiting = control_plane.running(world.source, BLUE)
        assert waiting[0] == "pod cluster-api-1 to be gone"
        assert not [each for each in waiting if "job-1" in each]
