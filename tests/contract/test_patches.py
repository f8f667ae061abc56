"""Merge patch, JSON patch, strategic patch: what null, lists and `test` do."""

from __future__ import annotations

import pytest

from tests.contract.client import JSON, STRATEGIC, at
from tests.contract.words import a_config_map, a_deployment, a_hosted_cluster, a_route, a_secret


def test_merge_patch_with_null_removes(api, home):
    api.post(at("configmaps", home), a_config_map("one", {"a": "1", "b": "2"})).ok()
    assert api.patch(at("configmaps", home, "one"), {"data": {"a": None}}).ok()["data"] == {"b": "2"}


def test_null_for_what_is_not_there_changes_nothing(api, home):
    made = api.post(at("configmaps", home), a_config_map("one")).ok()
    nothing = {"data": {"none": None}, "metadata": {"annotations": {"none": None}, "finalizers": None}}
    same = api.patch(at("configmaps", home, "one"), nothing).ok()
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert "annotations" not in same["metadata"]


def test_merge_patch_replaces_a_list(api, home):
    owners = [{"apiVersion": "v1", "kind": "Namespace", "name": home,
               "uid": api.get(at("namespaces", "", home)).ok()["metadata"]["uid"]}]  # fmt: skip
    held = a_config_map("one", finalizers=["example.com/a", "example.com/b"], ownerReferences=owners)
    api.post(at("configmaps", home), held).ok()
    changed = api.patch(at("configmaps", home, "one"), {"metadata": {"finalizers": ["example.com/c"]}}).ok()
    assert changed["metadata"]["finalizers"] == ["example.com/c"]
    assert [each["name"] for each in changed["metadata"]["ownerReferences"]] == [home]


def test_merge_patch_with_null_takes_all_finalizers_off(api, home):
    """The teardown's way: the list as a whole goes, the field with it."""
    api.post(at("routes", home), a_route("one", finalizers=["example.com/a"])).ok()
    changed = api.patch(at("routes", home, "one"), {"metadata": {"finalizers": None}}).ok()
    assert "finalizers" not in changed["metadata"]


def test_annotation_comes_and_goes_by_merge_patch(api, home):
    api.post(at("hostedclusters", home), a_hosted_cluster("blue")).ok()
    path = at("hostedclusters", home, "blue")
    marks = {"lifeboat/operation": "1", "lifeboat/other": "2"}
    assert api.patch(path, {"metadata": {"annotations": marks}}).ok()["metadata"]["annotations"] == marks
    left = api.patch(path, {"metadata": {"annotations": {"lifeboat/other": None}}}).ok()["metadata"]["annotations"]
    assert left == {"lifeboat/operation": "1"}
    assert "annotations" not in api.patch(path, {"metadata": {"annotations": None}}).ok()["metadata"]


def test_field_of_a_custom_kind_comes_and_goes_by_merge_patch(api, home):
    """How a HostedCluster is paused and resumed."""
    api.post(at("hostedclusters", home), a_hosted_cluster("blue")).ok()
    path = at("hostedclusters", home, "blue")
    assert api.patch(path, {"spec": {"pausedUntil": "true"}}).ok()["spec"]["pausedUntil"] == "true"
    assert "pausedUntil" not in api.patch(path, {"spec": {"pausedUntil": None}}).ok()["spec"]


def test_required_field_that_may_be_null_is_lost_by_a_merge_patch(api, home):
    """`availableUpdates` is required and may be null. A merge patch cannot say null, an update can."""
    made = api.post(at("hostedclusters", home), a_hosted_cluster("blue")).ok()
    path = at("hostedclusters", home, "blue", "status")
    desired = {"image": "registry.example.com/release:1", "version": "4.17.12"}
    version = {"availableUpdates": None, "desired": desired, "observedGeneration": 1}
    api.patch(path, {"status": {"version": version}}).refused(
        422, "Invalid", "status.version.availableUpdates: Required value"
    )
    stored = api.put(path, {**made, "status": {"version": version}}).ok()
    assert stored["status"]["version"]["availableUpdates"] is None
    assert "availableUpdates" in api.get(at("hostedclusters", home, "blue")).ok()["status"]["version"]


def test_merge_patch_cannot_make_an_invalid_object(api, home):
    api.post(at("hostedclusters", home), a_hosted_cluster("blue")).ok()
    status = api.patch(at("hostedclusters", home, "blue"), {"spec": {"release": None}}).refused(
        422, "Invalid", "spec.release: Required value"
    )
    causes = {(each["reason"], each["field"]) for each in status["details"]["causes"]}
    assert ("FieldValueRequired", "spec.release") in causes
    assert status["details"]["kind"] == "HostedCluster"


def test_json_patch_acts_when_its_test_holds(api, home):
    api.post(at("configmaps", home), a_config_map("one", {"a": "1"})).ok()
    held = [{"op": "test", "path": "/data/a", "value": "1"}, {"op": "replace", "path": "/data/a", "value": "2"}]
    assert api.patch(at("configmaps", home, "one"), held, JSON).ok()["data"] == {"a": "2"}
    api.patch(at("configmaps", home, "one"), held, JSON).refused(
        422, "Invalid", "the server rejected our request due to an error in our request"
    )


def test_json_patch_adds_copies_and_removes(api, home):
    marks = {"example.com/a": "1", "example.com/b": "2"}
    api.post(at("configmaps", home), a_config_map("one", {"a": "1"}, annotations=marks)).ok()
    steps = [
        {"op": "add", "path": "/metadata/labels", "value": {"x": "y"}},
        {"op": "copy", "from": "/data/a", "path": "/data/d"},
        {"op": "remove", "path": "/metadata/annotations/example.com~1a"},
    ]
    changed = api.patch(at("configmaps", home, "one"), steps, JSON).ok()
    assert changed["data"] == {"a": "1", "d": "1"}
    assert changed["metadata"]["labels"] == {"x": "y"}
    assert changed["metadata"]["annotations"] == {"example.com/b": "2"}


@pytest.mark.parametrize("path", ["/metadata/finalizers", "/data/none", "/metadata/finalizers/0"])
def test_json_patch_cannot_remove_what_is_not_there(api, home, path):
    api.post(at("configmaps", home), a_config_map("one")).ok()
    api.patch(at("configmaps", home, "one"), [{"op": "remove", "path": path}], JSON).refused(422, "Invalid")


def test_json_patch_that_is_none_is_a_bad_request(api, home):
    api.post(at("configmaps", home), a_config_map("one")).ok()
    api.patch(at("configmaps", home, "one"), {"op": "remove"}, JSON).refused(400, "BadRequest")


def test_strategic_patch_merges_containers_by_name(api, home):
    api.post(at("deployments", home), a_deployment("one", replicas=0)).ok()
    wanted = [{"name": "main", "image": "example.com/main:2"}, {"name": "more", "image": "example.com/more:1"}]
    changed = api.patch(
        at("deployments", home, "one"), {"spec": {"template": {"spec": {"containers": wanted}}}}, STRATEGIC
    ).ok()
    containers = {each["name"]: each for each in changed["spec"]["template"]["spec"]["containers"]}
    assert {name: each["image"] for name, each in containers.items()} == {
        "main": "example.com/main:2",
        "more": "example.com/more:1",
    }
    assert containers["main"]["imagePullPolicy"] == "IfNotPresent"


def test_strategic_patch_deletes_an_item(api, home):
    api.post(at("deployments", home), a_deployment("one", replicas=0)).ok()
    path = at("deployments", home, "one")
    volumes = [{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}]
    api.patch(path, {"spec": {"template": {"spec": {"volumes": volumes}}}}, STRATEGIC).ok()
    gone = {"spec": {"template": {"spec": {"volumes": [{"name": "a", "$patch": "delete"}]}}}}
    changed = api.patch(path, gone, STRATEGIC).ok()
    assert [each["name"] for each in changed["spec"]["template"]["spec"]["volumes"]] == ["b"]


def test_strategic_patch_adds_finalizers(api, home):
    """A list of texts merges as a set, where a merge patch replaces it."""
    api.post(at("configmaps", home), a_config_map("one", finalizers=["example.com/a"])).ok()
    changed = api.patch(at("configmaps", home, "one"), {"metadata": {"finalizers": ["example.com/b"]}}, STRATEGIC).ok()
    assert sorted(changed["metadata"]["finalizers"]) == ["example.com/a", "example.com/b"]


def test_merge_patch_replaces_the_containers(api, home):
    api.post(at("deployments", home), a_deployment("one", replicas=0)).ok()
    wanted = [{"name": "other", "image": "example.com/other:1"}]
    changed = api.patch(at("deployments", home, "one"), {"spec": {"template": {"spec": {"containers": wanted}}}}).ok()
    assert [each["name"] for each in changed["spec"]["template"]["spec"]["containers"]] == ["other"]


def test_strategic_patch_of_a_custom_kind_is_unsupported(api, home):
    api.post(at("routes", home), a_route("one")).ok()
    status = api.patch(at("routes", home, "one"), {}, STRATEGIC).refused(
        415, "UnsupportedMediaType", "the body of the request was in an unknown format - accepted media types include: "
    )
    assert "application/merge-patch+json" in status["message"]


def test_patch_without_a_type_is_unsupported(api, home):
    api.post(at("configmaps", home), a_config_map("one")).ok()
    api.patch(at("configmaps", home, "one"), {}, "application/json").refused(415, "UnsupportedMediaType")


def test_string_data_of_a_patch_becomes_data(api, home):
    api.post(at("secrets", home), a_secret("one", data={"a": "MQ=="})).ok()
    changed = api.patch(at("secrets", home, "one"), {"stringData": {"b": "2"}}).ok()
    assert changed["data"] == {"a": "MQ==", "b": "Mg=="}
    assert "stringData" not in changed
