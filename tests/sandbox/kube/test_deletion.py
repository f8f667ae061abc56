"""Deletion: preconditions, finalizers, grace, owners, namespaces."""

from __future__ import annotations

import time

from kubernetes import client

from tests.sandbox.kube.words import a_config_map, a_deployment, a_pod, eventually, is_gone, refused


def test_finalizer_holds_an_object(core, namespace):
    core.create_namespaced_config_map(namespace, a_config_map("one", finalizers=["example.com/hold"]))
    core.delete_namespaced_config_map("one", namespace)
    held = core.read_namespaced_config_map("one", namespace)
    assert held.metadata.deletion_timestamp
    with refused(422, "Invalid", "no new finalizers can be added if the object is being deleted"):
        core.patch_namespaced_config_map("one", namespace, {"metadata": {"finalizers": ["a.b/c", "example.com/hold"]}})
    core.patch_namespaced_config_map("one", namespace, {"metadata": {"finalizers": None}})
    assert is_gone(lambda: core.read_namespaced_config_map("one", namespace))


def test_running_pod_goes_when_its_kubelet_says_so(core, namespace):
    core.create_namespaced_pod(namespace, a_pod("one", node="a"))
    marked = core.delete_namespaced_pod("one", namespace)
    assert marked.metadata.deletion_grace_period_seconds == 30
    assert core.read_namespaced_pod("one", namespace).metadata.deletion_timestamp
    core.delete_namespaced_pod("one", namespace, grace_period_seconds=0)
    assert is_gone(lambda: core.read_namespaced_pod("one", namespace))


def test_pod_without_a_node_goes_at_once(core, namespace):
    core.create_namespaced_pod(namespace, a_pod("one"))
    core.delete_namespaced_pod("one", namespace)
    assert is_gone(lambda: core.read_namespaced_pod("one", namespace))


def test_owner_that_never_was_is_no_owner(core, namespace):
    """A restored object that kept its old owner's uid is collected within a moment."""
    owner = core.create_namespaced_config_map(namespace, a_config_map("owner"))
    owner.metadata.uid = "00000000-0000-0000-0000-000000000000"
    core.create_namespaced_config_map(namespace, a_config_map("dependent", owner=owner))
    eventually(lambda: is_gone(lambda: core.read_namespaced_config_map("dependent", namespace)))


def test_owner_in_another_namespace_is_no_owner(core, namespace):
    owner = core.create_namespaced_config_map("default", {"metadata": {"generateName": "owner-"}})
    core.create_namespaced_config_map(namespace, a_config_map("dependent", owner=owner))
    eventually(lambda: is_gone(lambda: core.read_namespaced_config_map("dependent", namespace)))


def test_owner_of_an_unserved_kind_decides_nothing(core, namespace):
    body = a_config_map("dependent")
    owner = {"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine", "name": "m", "uid": "1"}
    body["metadata"]["ownerReferences"] = [owner]
    core.create_namespaced_config_map(namespace, body)
    time.sleep(0.4)
    assert core.read_namespaced_config_map("dependent", namespace)


def test_dependents_follow_their_owner(core, namespace):
    owner = core.create_namespaced_config_map(namespace, a_config_map("owner"))
    child = core.create_namespaced_config_map(namespace, a_config_map("child", owner=owner))
    core.create_namespaced_config_map(namespace, a_config_map("grandchild", owner=child))
    core.delete_namespaced_config_map("owner", namespace)
    eventually(lambda: is_gone(lambda: core.read_namespaced_config_map("grandchild", namespace)))


def test_dependent_stays_while_one_owner_does(core, namespace):
    first = core.create_namespaced_config_map(namespace, a_config_map("first"))
    second = core.create_namespaced_config_map(namespace, a_config_map("second"))
    body = a_config_map("child", owner=first)
    body["metadata"]["ownerReferences"] += a_config_map("x", owner=second)["metadata"]["ownerReferences"]
    core.create_namespaced_config_map(namespace, body)
    core.delete_namespaced_config_map("first", namespace)

    def owners():
        found = core.read_namespaced_config_map("child", namespace).metadata.owner_references
        return [each.name for each in found] == ["second"]

    eventually(owners)


def test_orphaned_dependents_stay(core, namespace):
    owner = core.create_namespaced_config_map(namespace, a_config_map("owner"))
    core.create_namespaced_config_map(namespace, a_config_map("child", owner=owner))
    core.delete_namespaced_config_map("owner", namespace, propagation_policy="Orphan")
    eventually(lambda: is_gone(lambda: core.read_namespaced_config_map("owner", namespace)))
    assert core.read_namespaced_config_map("child", namespace).metadata.owner_references is None


def test_foreground_owner_waits_for_its_dependents(core, namespace):
    owner = core.create_namespaced_config_map(namespace, a_config_map("owner"))
    child = a_config_map("child", owner=owner, finalizers=["example.com/hold"], block=True)
    core.create_namespaced_config_map(namespace, child)
    core.delete_namespaced_config_map("owner", namespace, propagation_policy="Foreground")
    eventually(lambda: core.read_namespaced_config_map("child", namespace).metadata.deletion_timestamp)
    assert core.read_namespaced_config_map("owner", namespace).metadata.finalizers == ["foregroundDeletion"]
    core.patch_namespaced_config_map("child", namespace, {"metadata": {"finalizers": None}})
    eventually(lambda: is_gone(lambda: core.read_namespaced_config_map("owner", namespace)))


def test_pods_of_a_job_stay_unless_asked(api, core, namespace):
    batch = client.BatchV1Api(api)
    template = {"spec": {**a_pod("x")["spec"], "restartPolicy": "Never"}}
    job = batch.create_namespaced_job(namespace, {"metadata": {"name": "one"}, "spec": {"template": template}})
    pod = a_pod("one")
    pod["metadata"]["ownerReferences"] = [
        {"apiVersion": "batch/v1", "kind": "Job", "name": "one", "uid": job.metadata.uid}
    ]
    core.create_namespaced_pod(namespace, pod)
    batch.delete_namespaced_job("one", namespace)
    eventually(lambda: is_gone(lambda: batch.read_namespaced_job("one", namespace)))
    assert core.read_namespaced_pod("one", namespace)


def test_namespace_has_a_default_account(core, namespace):
    assert eventually(lambda: core.read_namespaced_service_account("default", namespace))


def test_namespace_takes_all_that_is_in_it(api, core):
    core.create_namespace({"metadata": {"name": "leaving"}})
    core.create_namespaced_config_map("leaving", a_config_map("one"))
    client.AppsV1Api(api).create_namespaced_deployment("leaving", a_deployment("one"))
    core.delete_namespace("leaving")
    eventually(lambda: is_gone(lambda: core.read_namespace("leaving")))
    assert not core.list_namespaced_config_map("leaving").items


def test_namespace_waits_for_finalizers_and_says_so(core, namespace):
    core.create_namespaced_config_map(namespace, a_config_map("one", finalizers=["example.com/hold"]))
    core.delete_namespace(namespace)

    def told():
        found = core.read_namespace(namespace).status
        conditions = {each.type: each for each in found.conditions or []}
        return found.phase == "Terminating" and conditions.get("NamespaceFinalizersRemaining")

    condition = eventually(told)
    assert condition.status == "True"
    assert "example.com/hold in 1 resource instances" in condition.message
    with refused(403, "Forbidden", "because it is being terminated") as refusal:
        core.create_namespaced_config_map(namespace, a_config_map("two"))
    assert refusal.body["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    core.patch_namespaced_config_map("one", namespace, {"metadata": {"finalizers": None}})
    eventually(lambda: is_gone(lambda: core.read_namespace(namespace)))
