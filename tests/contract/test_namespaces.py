"""The end of a namespace: the last step of a teardown."""

from __future__ import annotations

from tests.contract.client import at
from tests.contract.words import a_config_map, a_deployment, a_hosted_cluster, a_route

_HOLD = "example.com/hold"


def _conditions(api, home):
    found = api.get(at("namespaces", "", home)).ok()["status"].get("conditions") or ()
    return {each["type"]: each for each in found}


def test_new_namespace_is_active(api, home):
    found = api.get(at("namespaces", "", home)).ok()
    assert found["status"]["phase"] == "Active"
    assert found["spec"] == {"finalizers": ["kubernetes"]}
    assert found["metadata"]["labels"] == {"kubernetes.io/metadata.name": home}


def test_namespace_gets_a_default_account_and_the_clusters_ca(api, home):
    api.eventually(lambda: api.get(at("serviceaccounts", home, "default")).code == 200)
    found = api.eventually(
        lambda: (answer := api.get(at("configmaps", home, "kube-root-ca.crt"))).code == 200 and answer
    )
    assert found.ok()["data"]["ca.crt"].startswith("-----BEGIN CERTIFICATE-----")


def test_namespace_takes_all_that_is_in_it(api, home):
    api.post(at("configmaps", home), a_config_map("one")).ok()
    api.post(at("deployments", home), a_deployment("one")).ok()
    api.post(at("hostedclusters", home), a_hosted_cluster("blue")).ok()
    marked = api.delete(at("namespaces", "", home)).ok()
    assert marked["status"]["phase"] == "Terminating"
    assert marked["metadata"]["deletionTimestamp"]
    api.gone(at("namespaces", "", home), 60)
    assert api.get(at("configmaps", home)).ok()["items"] == []
    api.get(at("hostedclusters", home, "blue")).refused(404, "NotFound")


def test_namespace_waits_for_finalizers_and_says_so(api, home):
    api.post(at("configmaps", home), a_config_map("held", finalizers=[_HOLD])).ok()
    api.post(at("routes", home), a_route("held", finalizers=[_HOLD])).ok()
    api.delete(at("namespaces", "", home)).ok()
    told = api.eventually(
        lambda: (
            (found := _conditions(api, home).get("NamespaceFinalizersRemaining", {})).get("status") == "True" and found
        )
    )
    assert told["reason"] == "SomeFinalizersRemain"
    assert f"{_HOLD} in 2 resource instances" in told["message"]
    content = _conditions(api, home)["NamespaceContentRemaining"]
    assert content["status"] == "True"
    assert "configmaps. has 1 resource instances" in content["message"]
    assert "routes.route.openshift.io has 1 resource instances" in content["message"]
    assert _conditions(api, home)["NamespaceDeletionDiscoveryFailure"]["status"] == "False"
    for plural in ("configmaps", "routes"):
        api.patch(at(plural, home, "held"), {"metadata": {"finalizers": None}}).ok()
    api.gone(at("namespaces", "", home), 60)


def test_nothing_new_comes_into_a_namespace_that_ends(api, home):
    api.post(at("configmaps", home), a_config_map("held", finalizers=[_HOLD])).ok()
    api.delete(at("namespaces", "", home)).ok()
    status = api.post(at("configmaps", home), a_config_map("new")).refused(
        403,
        "Forbidden",
        f'configmaps "new" is forbidden: unable to create new content in namespace {home} because it is being '
        "terminated",
    )
    assert status["details"]["causes"] == [
        {"reason": "NamespaceTerminating", "message": f"namespace {home} is being terminated",
         "field": "metadata.namespace"}]  # fmt: skip
    api.post(at("namespaces"), {"metadata": {"name": home}}).refused(409, "AlreadyExists")
    api.patch(at("configmaps", home, "held"), {"data": {"key": "still"}}).ok()
    api.patch(at("configmaps", home, "held"), {"metadata": {"finalizers": None}}).ok()


def test_namespaces_own_finalizer_does_not_go_by_a_patch(api, home):
    """`spec.finalizers` changes through the subresource `finalize` alone."""
    api.patch(at("namespaces", "", home), {"spec": {"finalizers": None}}).ok()
    found = api.get(at("namespaces", "", home)).ok()
    assert found["spec"]["finalizers"] == ["kubernetes"]
    finalized = api.put(at("namespaces", "", home, "finalize"), {**found, "spec": {"finalizers": []}}).ok()
    assert not finalized["spec"].get("finalizers")


def test_namespace_with_a_finalizer_of_its_own_waits_when_empty(api, home):
    api.patch(at("namespaces", "", home), {"metadata": {"finalizers": [_HOLD]}}).ok()
    api.delete(at("namespaces", "", home)).ok()
    api.eventually(lambda: not api.get(at("namespaces", "", home)).ok()["spec"].get("finalizers"), 60)
    assert api.get(at("namespaces", "", home)).ok()["status"]["phase"] == "Terminating"
    api.patch(at("namespaces", "", home), {"metadata": {"finalizers": None}}).ok()
    api.gone(at("namespaces", "", home))


def test_first_namespaces_cannot_be_deleted(api):
    api.delete(at("namespaces", "", "default")).refused(
        403, "Forbidden", 'namespaces "default" is forbidden: this namespace may not be deleted'
    )
