"""status, scale, binding, eviction: each changes its part alone."""

from __future__ import annotations

from tests.contract.client import STRATEGIC, at
from tests.contract.words import a_deployment, a_hosted_cluster, a_pod, a_route, a_stateful_set


def test_status_and_the_rest_change_apart(api, home):
    api.post(at("hostedclusters", home), a_hosted_cluster("blue")).ok()
    patch = {"spec": {"pausedUntil": "true"}, "status": {"kubeconfig": {"name": "x"}}}
    changed = api.patch(at("hostedclusters", home, "blue", "status"), patch).ok()
    assert changed["status"] == {"kubeconfig": {"name": "x"}}
    assert "pausedUntil" not in changed["spec"]
    assert changed["metadata"]["generation"] == 1
    changed = api.patch(at("hostedclusters", home, "blue"), patch | {"status": None}).ok()
    assert changed["spec"]["pausedUntil"] == "true"
    assert changed["status"] == {"kubeconfig": {"name": "x"}}
    assert changed["metadata"]["generation"] == 2


def test_status_update_leaves_the_metadata_alone(api, home):
    """But for managedFields: no label, annotation or finalizer comes in by it."""
    api.post(at("hostedclusters", home), a_hosted_cluster("blue")).ok()
    meta = {"labels": {"a": "b"}, "annotations": {"a": "b"}, "finalizers": ["example.com/x"]}
    changed = api.patch(
        at("hostedclusters", home, "blue", "status"), {"metadata": meta, "status": {"kubeconfig": {"name": "x"}}}
    ).ok()
    assert not {"labels", "annotations", "finalizers"} & set(changed["metadata"])


def test_kind_without_a_status_has_no_such_path(api, home):
    api.post(at("configmaps", home), {"metadata": {"name": "one"}}).ok()
    api.get(at("configmaps", home, "one", "status")).refused(
        404, "NotFound", "the server could not find the requested resource"
    )


def test_scale_changes_replicas_alone(api, home):
    api.post(at("deployments", home), a_deployment("one", replicas=0, paused=True)).ok()
    path = at("deployments", home, "one", "scale")
    scale = api.get(path).ok()
    assert (scale["kind"], scale["apiVersion"], scale["spec"]) == ("Scale", "autoscaling/v1", {})
    assert scale["status"]["selector"] == "app=one"
    assert api.patch(path, {"spec": {"replicas": 2}}).ok()["spec"] == {"replicas": 2}
    live = api.get(at("deployments", home, "one")).ok()
    assert live["spec"]["replicas"] == 2
    assert live["metadata"]["generation"] == 2
    api.patch(path, {"spec": {"replicas": -1}}).refused(422, "Invalid", "must be greater than or equal to 0")
    stale = {**scale, "spec": {"replicas": 5}}
    api.put(path, stale).refused(409, "Conflict", "the object has been modified")


def test_scale_of_a_stateful_set_is_patched(api, home):
    api.post(at("statefulsets", home), a_stateful_set("one", replicas=0)).ok()
    assert api.get(at("statefulsets", home, "one", "scale")).ok()["spec"] == {}
    api.patch(at("statefulsets", home, "one"), {"spec": {"replicas": 0}}).ok()
    assert api.get(at("statefulsets", home, "one")).ok()["metadata"]["generation"] == 1


def test_binding_puts_a_pod_on_a_node_once(api, home):
    """Beside the sandbox's scheduler, which leaves pods of another scheduler alone."""
    api.post(at("pods", home), a_pod("one", schedulerName="hand")).ok()
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "one"},
               "target": {"apiVersion": "v1", "kind": "Node", "name": "nowhere"}}  # fmt: skip
    api.post(at("pods", home, "one", "binding"), binding).ok()
    assert api.get(at("pods", home, "one")).ok()["spec"]["nodeName"] == "nowhere"
    api.post(at("pods", home, "one", "binding"), binding).refused(
        409, "Conflict", 'pod one is already assigned to node "nowhere"'
    )
    api.delete(at("pods", home, "one"), {"gracePeriodSeconds": 0}).ok()


def test_eviction_respects_a_budget(api, home):
    """429 is what a drain meets; Lifeboat treats it as "ask again"."""
    api.post(at("pods", home), a_pod("one", schedulerName="hand")).ok()
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "one"},
              "spec": {"selector": {"matchLabels": {"app": "one"}}, "minAvailable": 1}}  # fmt: skip
    api.post(at("poddisruptionbudgets", home), budget).ok()
    running = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    api.patch(at("pods", home, "one", "status"), {"status": running}, STRATEGIC).ok()
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "one", "namespace": home}}
    refusal = api.post(at("pods", home, "one", "eviction"), eviction)
    refusal.refused(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.")
    assert refusal.body["details"]["causes"][0]["reason"] == "DisruptionBudget"
    api.delete(at("poddisruptionbudgets", home, "one")).ok()
    api.post(at("pods", home, "one", "eviction"), eviction).ok()
    api.gone(at("pods", home, "one"))


def test_custom_kind_without_a_scale_has_no_such_path(api, home):
    api.post(at("routes", home), a_route("one")).ok()
    api.get(at("routes", home, "one", "scale")).refused(404, "NotFound")
