"""Which kinds and versions there are; Lifeboat asks definitions, kubectl and dynamic clients ask discovery."""

from __future__ import annotations

from tests.contract.client import at

_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def test_version_is_told(api):
    found = api.get("/version").ok()
    assert found["major"] == "1"
    assert found["gitVersion"].startswith("v1.")


def test_groups_name_their_preferred_version(api):
    groups = {each["name"]: each for each in api.get("/apis").ok()["groups"]}
    assert groups["apps"]["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    assert groups["cluster.x-k8s.io"]["preferredVersion"]["version"] == "v1beta1"
    assert groups["infrastructure.cluster.x-k8s.io"]["preferredVersion"]["version"] == "v1beta2"
    assert api.get("/apis/hypershift.openshift.io").ok()["preferredVersion"]["version"] == "v1beta1"


def test_resources_of_a_group_are_listed(api):
    found = api.get("/apis/hypershift.openshift.io/v1beta1").ok()
    assert found["groupVersion"] == "hypershift.openshift.io/v1beta1"
    by_name = {each["name"]: each for each in found["resources"]}
    assert by_name["hostedclusters"]["kind"] == "HostedCluster"
    assert by_name["hostedclusters"]["namespaced"] is True
    assert {"create", "delete", "get", "list", "patch", "update", "watch"} <= set(by_name["hostedclusters"]["verbs"])
    assert by_name["hostedclusters/status"]["kind"] == "HostedCluster"
    core = {each["name"]: each for each in api.get("/api/v1").ok()["resources"]}
    assert core["namespaces"]["namespaced"] is False
    assert core["pods/exec"]["kind"] == "PodExecOptions"
    assert core["pods"]["shortNames"] == ["po"]


def test_what_is_not_served_is_not_found(api):
    for path in ("/apis/nowhere.example.com/v1", "/apis/nowhere.example.com/v1/things", at("things")):
        assert api.get(path).code == 404


def test_kind_in_another_version_is_not_found(api, home):
    """Which Lifeboat takes for a kind that is not installed: the version must be the served one."""
    answer = api.get(f"/apis/hypershift.openshift.io/v1alpha9/namespaces/{home}/hostedclusters")
    assert answer.code == 404
    assert b"404 page not found" in answer.raw or answer.body["reason"] == "NotFound"


def test_definition_tells_the_stored_version(api):
    found = api.get(at("customresourcedefinitions", "", "machines.cluster.x-k8s.io")).ok()
    stored = [each["name"] for each in found["spec"]["versions"] if each["storage"]]
    assert stored == ["v1beta1"]
    assert found["status"]["storedVersions"] == ["v1beta1"]
    conditions = {each["type"]: each["status"] for each in found["status"]["conditions"]}
    assert conditions["Established"] == conditions["NamesAccepted"] == "True"


def test_new_definition_is_served_and_goes_with_its_objects(api, home):
    name = "things.contract.example.com"
    version = {"name": "v1", "served": True, "storage": True,
               "schema": {"openAPIV3Schema": _ANYTHING}}  # fmt: skip
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {
            "group": "contract.example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [version],
        },
    }
    api.post(at("customresourcedefinitions"), definition).ok()
    things = at("things", home, version="contract.example.com/v1")
    thing = {
        "apiVersion": "contract.example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "one"},
        "any": [1, {"b": None}],
    }
    made = api.eventually(lambda: (answer := api.post(things, thing)).code == 201 and answer.ok())
    assert made["any"] == [1, {"b": None}]
    assert api.get(things).ok()["kind"] == "ThingList"
    api.delete(at("customresourcedefinitions", "", name)).ok()
    api.gone(at("customresourcedefinitions", "", name))
    api.eventually(lambda: api.get(things).code == 404)
