"""Lifeboat's client of a management cluster, on both backends: what its port promises."""

from __future__ import annotations

import pytest

from lifeboat import edits
from lifeboat.errors import ApiUnavailableError, ConflictError, ObjectRefusedError, PreflightError
from lifeboat.export import clean
from lifeboat.resources import (
    CLUSTERS,
    CONFIG_MAPS,
    CUSTOM_RESOURCE_DEFINITIONS,
    DEPLOYMENTS,
    HOSTED_CLUSTERS,
    MACHINES,
    NAMESPACES,
    ROUTES,
    SECRETS,
    VALIDATING_WEBHOOKS,
    Resource,
)
from tests.contract.backends import Backend
from tests.contract.client import at
from tests.contract.lifeboats import connect, kubeconfig_of, lifeboat_on
from tests.contract.words import a_config_map, a_deployment, a_hosted_cluster, a_route, a_secret, owned_by

_UID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="package")
def cluster(backend: Backend):
    return lifeboat_on(backend)


def _in(home: str, obj):
    return {**obj, "metadata": {**obj["metadata"], "namespace": home}}


def test_object_is_read_as_the_server_has_it(api, cluster, home):
    made = api.post(at("hostedclusters", home), a_hosted_cluster("blue")).ok()
    assert cluster.get(HOSTED_CLUSTERS, home, "blue") == made
    assert cluster.get(HOSTED_CLUSTERS, home, "none") is None
    assert cluster.get(NAMESPACES, None, home)["metadata"]["name"] == home


def test_items_of_lists_name_their_kind(api, cluster, home):
    """Lists of built-in kinds leave that out, and a backup needs it."""
    for plural, obj in (("secrets", a_secret("one")), ("routes", a_route("one"))):
        api.post(at(plural, home), obj).ok()
    for resource in (SECRETS, ROUTES):
        (found,) = cluster.list_objects(resource, home)
        assert found["kind"] == resource.kind
        assert found["apiVersion"] == resource.api_version()


def test_list_is_read_in_chunks(api, cluster, home, monkeypatch):
    monkeypatch.setattr("lifeboat.adapters.kube._PAGE", 2)
    for number in range(5):
        api.post(at("configmaps", home), a_config_map(f"c{number}", labels={"app": "x"})).ok()
    names = [each["metadata"]["name"] for each in cluster.list_objects(CONFIG_MAPS, home, labels="app=x")]
    assert names == [f"c{number}" for number in range(5)]
    assert cluster.list_objects(CONFIG_MAPS, home, labels="app=y") == []


def test_kind_that_is_not_installed_has_no_objects(cluster, home):
    nothing = Resource("nowhere.example.com", "v1", "things", "Thing")
    assert cluster.list_objects(nothing, home) == []
    assert cluster.get(nothing, home, "one") is None
    with pytest.raises(PreflightError, match="is HyperShift installed there"):
        cluster.list_objects(Resource("nowhere.example.com", None, "things", "Thing"), home)


def test_stored_version_is_read_from_the_definition(cluster):
    assert cluster.version_of(MACHINES) == "v1beta1"
    assert cluster.version_of(HOSTED_CLUSTERS) == "v1beta1"
    assert cluster.get(CUSTOM_RESOURCE_DEFINITIONS, None, "machines.cluster.x-k8s.io")["kind"]


def test_second_create_makes_nothing(cluster, home):
    assert cluster.create(SECRETS, _in(home, a_secret("one", data={"a": "MQ=="})))["metadata"]["uid"]
    assert cluster.create(SECRETS, _in(home, a_secret("one", data={"a": "Mg=="}))) is None
    assert cluster.get(SECRETS, home, "one")["data"] == {"a": "MQ=="}


def test_create_without_a_namespace_is_refused_for_good(cluster):
    with pytest.raises(ObjectRefusedError, match="404 NotFound"):
        cluster.create(CONFIG_MAPS, _in("nowhere", a_config_map("one")))


def test_invalid_object_is_refused_in_the_servers_words(cluster, home):
    with pytest.raises(ObjectRefusedError, match=r"422 Invalid.*spec\.release"):
        cluster.create(HOSTED_CLUSTERS, _in(home, a_hosted_cluster("blue", release=None)))


def test_refusal_of_a_secret_does_not_quote_it(cluster, home):
    with pytest.raises(ObjectRefusedError) as refused:
        cluster.create(SECRETS, _in(home, a_secret("one", data={"key": "not base64: hidden"})))
    assert "hidden" not in str(refused.value)


def test_exported_object_can_be_created_elsewhere(api, cluster, home):
    """What `clean` leaves is what another API server takes, finalizers included."""
    other = f"{home}-other"
    api.post(at("namespaces"), {"metadata": {"name": other}}).ok()
    owner = api.post(at("configmaps", home), a_config_map("owner")).ok()
    made = a_hosted_cluster("blue")
    made["metadata"] |= {"finalizers": ["example.com/hold"], "ownerReferences": owned_by(owner)}
    live = api.post(at("hostedclusters", home), made).ok()
    exported = clean(live)
    assert not {"ownerReferences", "uid", "managedFields"} & set(exported["metadata"])
    exported["metadata"]["namespace"] = other
    created = cluster.create(HOSTED_CLUSTERS, exported)
    assert created["metadata"]["finalizers"] == ["example.com/hold"]
    assert created["spec"] == live["spec"]
    for namespace in (home, other):
        api.patch(at("hostedclusters", namespace, "blue"), {"metadata": {"finalizers": None}}).ok()


def test_patch_of_what_changed_meanwhile_is_a_conflict(api, cluster, home):
    made = api.post(at("routes", home), a_route("one")).ok()["metadata"]
    api.patch(at("routes", home, "one"), {"metadata": {"labels": {"a": "b"}}}).ok()
    guard = {each: made[each] for each in ("uid", "resourceVersion")}
    with pytest.raises(ConflictError):
        cluster.patch(ROUTES, home, "one", {"metadata": {**guard, "annotations": {"x": "y"}}})
    assert cluster.patch(ROUTES, home, "none", {"metadata": {}}) is None


def test_edit_tries_again_on_what_it_reads_anew(api, cluster, home):
    api.post(at("deployments", home), a_deployment("one", replicas=0)).ok()
    seen = []

    def change(live):
        seen.append(live["metadata"]["resourceVersion"])
        if len(seen) == 1:  # somebody is quicker
            api.patch(at("deployments", home, "one"), {"metadata": {"labels": {"a": "b"}}}).ok()
        return {"metadata": {"annotations": {"lifeboat/held-by": "1"}}}

    edited = edits.edit(cluster, DEPLOYMENTS, home, "one", change)
    assert len(seen) > 1
    assert edited["metadata"]["labels"] == {"a": "b"}
    assert edits.annotation(edited, "lifeboat/held-by") == "1"


def test_edit_of_what_was_made_anew_reads_it_again(api, cluster, home):
    """Never the old decision on the new object."""
    api.post(at("configmaps", home), a_config_map("one", {"made": "first"})).ok()
    seen = []

    def change(live):
        seen.append(live["data"]["made"])
        if len(seen) == 1:
            api.delete(at("configmaps", home, "one")).ok()
            api.post(at("configmaps", home), a_config_map("one", {"made": "second"})).ok()
        return {"data": {"edited": live["data"]["made"]}}

    assert edits.edit(cluster, CONFIG_MAPS, home, "one", change)["data"] == {"made": "second", "edited": "second"}
    assert edits.edit(cluster, CONFIG_MAPS, home, "none", change) is None


def test_deletion_is_of_this_very_object(api, cluster, home):
    made = api.post(at("configmaps", home), a_config_map("one")).ok()["metadata"]
    cluster.delete(CONFIG_MAPS, home, "one", uid=_UID)  # another one of that name: ours is gone already
    assert api.get(at("configmaps", home, "one")).code == 200
    api.patch(at("configmaps", home, "one"), {"data": {"key": "theirs"}}).ok()
    with pytest.raises(ConflictError):
        cluster.delete(CONFIG_MAPS, home, "one", uid=made["uid"], resource_version=made["resourceVersion"])
    cluster.delete(CONFIG_MAPS, home, "one", uid=made["uid"])
    cluster.delete(CONFIG_MAPS, home, "one", uid=made["uid"])
    assert cluster.get(CONFIG_MAPS, home, "one") is None


def test_finalizers_come_off_and_the_object_goes(api, cluster, home):
    """The teardown's two steps."""
    body = a_route("one", finalizers=["example.com/a", "example.com/b"])
    uid = api.post(at("routes", home), body).ok()["metadata"]["uid"]
    edited = edits.edit(cluster, ROUTES, home, "one", lambda _: {"metadata": {"finalizers": None}})
    version = edited["metadata"]["resourceVersion"]
    cluster.delete(ROUTES, home, "one", uid=uid, resource_version=version)
    assert cluster.get(ROUTES, home, "one") is None


def test_webhooks_policy_is_changed_and_put_back(api, cluster, home):
    name = f"contract-{home}"
    webhook = {
        "name": "x.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/x"},
        "rules": [
            {"apiGroups": ["nowhere.example.com"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["x"]}
        ],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    api.post(
        at("validatingwebhookconfigurations"),
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
         "metadata": {"name": name}, "webhooks": [webhook]},
    ).ok()  # fmt: skip

    def ignore(live):
        return {"webhooks": [{**each, "failurePolicy": "Ignore"} for each in live["webhooks"]]}

    was = cluster.get(VALIDATING_WEBHOOKS, None, name)["webhooks"]
    assert was[0]["failurePolicy"] == "Fail"
    edited = edits.edit(cluster, VALIDATING_WEBHOOKS, None, name, ignore)
    assert edited["webhooks"] == [{**was[0], "failurePolicy": "Ignore"}]
    back = edits.edit(cluster, VALIDATING_WEBHOOKS, None, name, lambda _: {"webhooks": was})
    assert back["webhooks"] == was


def test_pause_of_a_cluster_is_a_field_that_comes_and_goes(api, cluster, home):
    body = {"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Cluster", "metadata": {"name": "one"},
            "spec": {"paused": True, "infrastructureRef": {
                "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "AWSCluster", "name": "one",
                "namespace": home}}}  # fmt: skip
    cluster.create(CLUSTERS, _in(home, body))
    edited = edits.edit(cluster, CLUSTERS, home, "one", lambda _: {"spec": {"paused": None}})
    assert not edited["spec"].get("paused")


def test_token_that_is_not_known_is_refused_for_good(backend):
    stranger = lifeboat_on(backend, "unknown")
    with pytest.raises(ObjectRefusedError, match="401 Unauthorized"):
        stranger.get(NAMESPACES, None, "default")


def test_user_without_rights_is_refused_for_good(backend):
    viewer = lifeboat_on(backend, backend.cluster.viewer_token)
    with pytest.raises(ObjectRefusedError, match=r'403 Forbidden.*User "viewer" cannot get resource "namespaces"'):
        viewer.get(NAMESPACES, None, "default")


def test_server_that_is_not_there_is_worth_another_try(backend):
    nobody = kubeconfig_of(backend, "x").replace(backend.cluster.api_address, backend.cluster.api_address[:-1] + "9")
    cluster = connect(nobody)
    with pytest.raises(ApiUnavailableError, match="mgmt-1 does not answer"):
        cluster.get(NAMESPACES, None, "default")
