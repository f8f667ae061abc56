"""Server-side apply: each manager owns what it says."""

from __future__ import annotations

from tests.contract.client import APPLY, at
from tests.contract.words import IDLE_IMAGE, a_config_map, a_deployment, a_hosted_cluster


def _apply(api, path, obj, manager, **query):
    return api.patch(path, obj, APPLY, fieldManager=manager, **query)


def test_apply_makes_what_is_not_there(api, home):
    answer = _apply(api, at("configmaps", home, "one"), a_config_map("one"), "first")
    assert answer.code == 201
    managers = answer.ok()["metadata"]["managedFields"]
    assert [(each["manager"], each["operation"]) for each in managers] == [("first", "Apply")]
    assert _apply(api, at("configmaps", home, "one"), a_config_map("one"), "first").code == 200


def test_apply_without_a_manager_is_refused(api, home):
    api.patch(at("configmaps", home, "one"), a_config_map("one"), APPLY).refused(
        422, "Invalid", "fieldManager: Required value: is required for apply patch"
    )


def test_apply_of_anothers_value_is_a_conflict_unless_forced(api, home):
    path = at("configmaps", home, "one")
    _apply(api, path, a_config_map("one", {"a": "1"}), "first").ok()
    status = _apply(api, path, a_config_map("one", {"a": "2"}), "second").refused(
        409, "Conflict", 'Apply failed with 1 conflict: conflict with "first"'
    )
    assert status["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "first"', "field": ".data.a"}
    ]
    forced = _apply(api, path, a_config_map("one", {"a": "2"}), "second", force="true").ok()
    assert forced["data"] == {"a": "2"}
    owners = {each["manager"]: each["fieldsV1"].get("f:data") for each in forced["metadata"]["managedFields"]}
    assert "f:a" in owners["second"]
    assert "f:a" not in (owners.get("first") or {})


def test_apply_of_a_patched_value_conflicts_with_the_patch(api, home):
    path = at("configmaps", home, "one")
    _apply(api, path, a_config_map("one", {"a": "1"}), "first").ok()
    api.patch(path, {"data": {"a": "2"}}, fieldManager="hand").ok()
    _apply(api, path, a_config_map("one", {"a": "1"}), "first").refused(
        409, "Conflict", 'conflict with "hand" using v1: .data.a'
    )


def test_what_a_manager_no_longer_applies_goes(api, home):
    path = at("configmaps", home, "one")
    _apply(api, path, a_config_map("one", {"a": "1", "b": "2", "c": "3"}), "first").ok()
    _apply(api, path, a_config_map("one", {"c": "3"}), "second").ok()
    left = _apply(api, path, a_config_map("one", {"a": "1"}), "first").ok()
    assert left["data"] == {"a": "1", "c": "3"}


def test_equal_values_are_shared(api, home):
    path = at("configmaps", home, "one")
    _apply(api, path, a_config_map("one", {"a": "1"}), "first").ok()
    both = _apply(api, path, a_config_map("one", {"a": "1"}), "second").ok()
    owners = [each["manager"] for each in both["metadata"]["managedFields"] if "f:a" in each["fieldsV1"]["f:data"]]
    assert sorted(owners) == ["first", "second"]


def test_apply_merges_containers_by_name(api, home):
    path = at("deployments", home, "one")
    _apply(api, path, a_deployment("one", replicas=0), "first").ok()
    more = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {"template": {"spec": {"containers": [{"name": "more", "image": "example.com/more:1"}]}}},
    }
    both = _apply(api, path, more, "second").ok()
    images = {each["name"]: each["image"] for each in both["spec"]["template"]["spec"]["containers"]}
    assert images == {"main": IDLE_IMAGE, "more": "example.com/more:1"}


def test_apply_with_a_stale_version_is_a_conflict(api, home):
    path = at("configmaps", home, "one")
    made = _apply(api, path, a_config_map("one"), "first").ok()["metadata"]["resourceVersion"]
    api.patch(path, {"metadata": {"labels": {"x": "y"}}}).ok()
    _apply(api, path, a_config_map("one", {"key": "new"}, resourceVersion=made), "first").refused(
        409, "Conflict", "the object has been modified"
    )


def test_apply_with_a_uid_makes_nothing(api, home):
    body = a_config_map("one", uid="00000000-0000-4000-8000-000000000000")
    _apply(api, at("configmaps", home, "one"), body, "first").refused(409, "Conflict", "uid mismatch")


def test_apply_with_managed_fields_is_refused(api, home):
    body = a_config_map("one", managedFields=[{"manager": "x"}])
    _apply(api, at("configmaps", home, "one"), body, "first").refused(
        400, "BadRequest", "metadata.managedFields must be nil"
    )


def test_apply_of_a_custom_kind_owns_by_its_schema(api, home):
    path = at("hostedclusters", home, "blue")
    _apply(api, path, a_hosted_cluster("blue"), "first").ok()
    pause = {"apiVersion": "hypershift.openshift.io/v1beta1", "kind": "HostedCluster", "spec": {"pausedUntil": "true"}}
    assert _apply(api, path, pause, "lifeboat").ok()["spec"]["pausedUntil"] == "true"
    pause["spec"] = {}
    assert "pausedUntil" not in _apply(api, path, pause, "lifeboat").ok()["spec"]


def test_apply_of_status_owns_it_alone(api, home):
    path = at("hostedclusters", home, "blue")
    _apply(api, path, a_hosted_cluster("blue"), "first").ok()
    status = {
        "apiVersion": "hypershift.openshift.io/v1beta1",
        "kind": "HostedCluster",
        "status": {"kubeconfig": {"name": "x"}},
    }
    found = _apply(api, at("hostedclusters", home, "blue", "status"), status, "operator").ok()
    assert found["status"]["kubeconfig"] == {"name": "x"}
    entries = {each["manager"]: each for each in found["metadata"]["managedFields"]}
    assert entries["operator"]["subresource"] == "status"
    assert "f:spec" not in entries["operator"]["fieldsV1"]


def test_managers_of_updates_are_kept_apart(api, home):
    made = api.post(at("configmaps", home), a_config_map("one"), fieldManager="maker").ok()
    assert made["metadata"]["managedFields"][0]["manager"] == "maker"
    assert made["metadata"]["managedFields"][0]["operation"] == "Update"
    # That a map came with it (".") is recorded by the real one alone.
    whole = {".": {}} if api.name == "real" else {}
    assert made["metadata"]["managedFields"][0]["fieldsV1"] == {"f:data": {**whole, "f:key": {}}}
    changed = api.patch(at("configmaps", home, "one"), {"data": {"more": "1"}}, fieldManager="other").ok()
    fields = {each["manager"]: each["fieldsV1"]["f:data"] for each in changed["metadata"]["managedFields"]}
    assert set(fields["maker"]) == {*whole, "f:key"}
    assert set(fields["other"]) == {"f:more"}


def test_manager_without_a_name_is_the_user_agent(api, home):
    made = api.post(at("configmaps", home), a_config_map("one")).ok()
    assert made["metadata"]["managedFields"][0]["manager"] == "contract"
