"""Server-side apply: owners of fields, conflicts, and removal of what is no longer said."""

from __future__ import annotations

import pytest

from tests.sandbox.kube.words import a_deployment, a_hosted_cluster, refused


@pytest.fixture
def apply(raw, namespace):
    """Apply an object as a manager; with `force` against the will of others."""

    def act(body, manager, *, force=False):
        api_version = body.get("apiVersion", "v1")
        prefix = "apis" if "/" in api_version else "api"
        path = f"/{prefix}/{api_version}/namespaces/{namespace}/{body['kind'].lower()}s/{body['metadata']['name']}"
        query = f"fieldManager={manager}" + ("&force=true" if force else "")
        return raw("PATCH", f"{path}?{query}", body, "application/apply-patch+yaml")

    return act


def _config_map(**data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": data}


def test_apply_makes_and_removes_what_its_manager_says(apply):
    made = apply(_config_map(a="1", b="2"), "first")
    assert made["metadata"]["managedFields"][0]["fieldsV1"] == {"f:data": {"f:a": {}, "f:b": {}}}
    assert made["metadata"]["managedFields"][0]["operation"] == "Apply"
    assert apply(_config_map(a="1"), "first")["data"] == {"a": "1"}


def test_apply_leaves_the_fields_of_others(apply):
    apply(_config_map(a="1"), "first")
    assert apply(_config_map(b="2"), "second")["data"] == {"a": "1", "b": "2"}
    assert apply(_config_map(a="1"), "first")["data"] == {"a": "1", "b": "2"}


def test_same_value_is_shared_and_survives_one_owner(apply):
    apply(_config_map(a="1", b="1"), "first")
    apply(_config_map(a="1"), "second")
    assert apply(_config_map(b="1"), "first")["data"] == {"a": "1", "b": "1"}


def test_plain_update_owns_what_it_changes(core, apply, namespace):
    apply(_config_map(a="1"), "first")
    core.patch_namespaced_config_map("one", namespace, {"data": {"a": "2"}}, field_manager="editor")
    with refused(409, "Conflict", 'conflict with "editor" using v1: .data.a'):
        apply(_config_map(a="1"), "first")


def test_same_apply_twice_changes_nothing(apply):
    first = apply(_config_map(a="1"), "first")
    again = apply(_config_map(a="1"), "first")
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_containers_are_told_apart_by_name(apply):
    apply(a_deployment("one"), "first")
    other = a_deployment("one")
    other["spec"]["template"]["spec"]["containers"] = [{"name": "side", "image": "example.com/side:1"}]
    both = apply(other, "second")
    assert [each["name"] for each in both["spec"]["template"]["spec"]["containers"]] == ["main", "side"]
    other["spec"]["template"]["spec"]["containers"] = []
    del other["spec"]["template"]["spec"]["containers"]
    left = apply(other, "second")
    assert [each["name"] for each in left["spec"]["template"]["spec"]["containers"]] == ["main"]


def test_finalizers_are_owned_one_by_one(apply, api, namespace):
    for manager, finalizer in (("first", "a.b/one"), ("second", "a.b/two")):
        body = {**_config_map(), "metadata": {"name": "one", "finalizers": [finalizer]}}
        made = apply(body, manager)
    assert made["metadata"]["finalizers"] == ["a.b/one", "a.b/two"]
    body["metadata"].pop("finalizers")
    assert apply(body, "second")["metadata"]["finalizers"] == ["a.b/one"]


def test_custom_kind_is_applied_and_checked(apply):
    body = a_hosted_cluster("blue", pausedUntil="true")
    assert apply(body, "lifeboat")["spec"]["pausedUntil"] == "true"
    body["spec"].pop("pausedUntil")
    assert "pausedUntil" not in apply(body, "lifeboat")["spec"]
    body["spec"]["controllerAvailabilityPolicy"] = "SingleReplica"
    with refused(422, "Invalid", "controllerAvailabilityPolicy cannot be changed"):
        apply(body, "lifeboat")


def test_status_is_applied_on_its_own(apply, resources, namespace):
    apply(a_hosted_cluster("blue"), "first")
    kind = resources.resources.get(api_version="hypershift.openshift.io/v1beta1", kind="HostedCluster")
    for manager, type_ in (("one", "Available"), ("two", "Degraded")):
        body = a_hosted_cluster("blue", pausedUntil="true")
        condition = {"type": type_, "status": "True", "reason": "AsExpected", "message": ""}
        body["status"] = {"conditions": [{**condition, "lastTransitionTime": "2026-11-22T10:00:00Z"}]}
        made = kind.status.server_side_apply(
            body=body, name="blue", namespace=namespace, field_manager=manager, force_conflicts=True
        ).to_dict()
    assert [each["type"] for each in made["status"]["conditions"]] == ["Available", "Degraded"]
    assert "pausedUntil" not in made["spec"]


def test_apply_needs_a_manager_and_no_managed_fields(apply):
    with refused(422, "Invalid", "fieldManager: Required value"):
        apply(_config_map(a="1"), "")
    body = _config_map(a="1")
    body["metadata"]["managedFields"] = [{}]
    with refused(400, "BadRequest", "metadata.managedFields must be nil"):
        apply(body, "first")


def test_dynamic_client_applies(resources, namespace):
    kind = resources.resources.get(api_version="v1", kind="ConfigMap")
    made = resources.server_side_apply(
        kind, body=_config_map(a="1"), name="one", namespace=namespace, field_manager="lifeboat"
    )
    assert made.data.to_dict() == {"a": "1"}
