"""Who may overwrite what: names taken, stale versions, other uids. Lifeboat tells 409s apart by their reason."""

from __future__ import annotations

import pytest

from tests.contract.client import at
from tests.contract.words import a_config_map, a_route, a_service

_OTHER = "00000000-0000-4000-8000-000000000000"


def test_taken_name_is_already_exists(api, home):
    api.post(at("configmaps", home), a_config_map("one")).ok()
    status = api.post(at("configmaps", home), a_config_map("one")).refused(
        409, "AlreadyExists", 'configmaps "one" already exists'
    )
    assert status["details"] == {"name": "one", "kind": "configmaps"}


def test_taken_name_of_a_custom_kind_is_already_exists(api, home):
    route = a_route("one")
    api.post(at("routes", home), route).ok()
    status = api.post(at("routes", home), route).refused(
        409, "AlreadyExists", 'routes.route.openshift.io "one" already exists'
    )
    assert status["details"] == {"name": "one", "group": "route.openshift.io", "kind": "routes"}


def test_create_with_a_resource_version_is_refused(api, home):
    """An exported object cannot be created as it was read."""
    api.post(at("configmaps", home), a_config_map("one", resourceVersion="5")).refused(
        500, "", "resourceVersion should not be set on objects to be created"
    )


def test_create_in_a_missing_namespace_is_not_found(api):
    api.post(at("configmaps", "nowhere"), a_config_map("one")).refused(
        404, "NotFound", 'namespaces "nowhere" not found'
    )


def test_create_for_another_namespace_is_a_bad_request(api, home):
    api.post(at("configmaps", home), a_config_map("one", namespace="default")).refused(
        400, "BadRequest", "the namespace of the provided object does not match the namespace sent on the request"
    )


def test_missing_object_is_not_found(api, home):
    status = api.get(at("secrets", home, "none")).refused(404, "NotFound", 'secrets "none" not found')
    assert status["details"] == {"name": "none", "kind": "secrets"}
    api.patch(at("secrets", home, "none"), {}).refused(404, "NotFound")
    api.delete(at("secrets", home, "none")).refused(404, "NotFound")
    api.put(at("configmaps", home, "none"), a_config_map("none")).refused(404, "NotFound")


def test_update_of_a_stale_version_is_a_conflict(api, home):
    made = api.post(at("configmaps", home), a_config_map("one")).ok()
    api.patch(at("configmaps", home, "one"), {"data": {"key": "theirs"}}).ok()
    made["data"] = {"key": "mine"}
    status = api.put(at("configmaps", home, "one"), made).refused(
        409,
        "Conflict",
        'Operation cannot be fulfilled on configmaps "one": the object has been modified; please apply your changes '
        "to the latest version and try again",
    )
    assert status["details"] == {"name": "one", "kind": "configmaps"}


@pytest.mark.parametrize("subresource", ["", "status"])
def test_patch_with_a_stale_version_is_a_conflict(api, home, subresource):
    """Every patch of Lifeboat's carries the version it rests on."""
    made = api.post(at("services", home), a_service("one")).ok()
    path = at("services", home, "one", subresource)
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    api.patch(at("services", home, "one"), {"metadata": {"labels": {"a": "b"}}}).ok()
    api.patch(path, stale | {"status": {"loadBalancer": {}}}).refused(
        409, "Conflict", "the object has been modified; please apply your changes to the latest version and try again"
    )


def test_patch_with_the_stored_version_is_taken(api, home):
    made = api.post(at("configmaps", home), a_config_map("one")).ok()
    guard = {each: made["metadata"][each] for each in ("uid", "resourceVersion")}
    changed = api.patch(at("configmaps", home, "one"), {"metadata": guard, "data": {"key": "mine"}}).ok()
    assert changed["data"] == {"key": "mine"}
    assert changed["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]


def test_patch_of_what_was_made_anew_is_a_conflict(api, home):
    """Its resourceVersion tells: a uid in a patch is no precondition."""
    first = api.post(at("configmaps", home), a_config_map("one")).ok()["metadata"]
    api.delete(at("configmaps", home, "one")).ok()
    api.post(at("configmaps", home), a_config_map("one")).ok()
    guard = {each: first[each] for each in ("uid", "resourceVersion")}
    api.patch(at("configmaps", home, "one"), {"metadata": guard}).refused(
        409, "Conflict", "the object has been modified; please apply your changes to the latest version and try again"
    )


@pytest.mark.parametrize(("plural", "make"), [("configmaps", a_config_map), ("routes", a_route)])
def test_patch_with_another_uid_alone_is_invalid(api, home, plural, make):
    """Not 409: who wants a conflict must name the resourceVersion too."""
    api.post(at(plural, home), make("one")).ok()
    api.patch(at(plural, home, "one"), {"metadata": {"uid": _OTHER, "labels": {"a": "b"}}}).refused(
        422, "Invalid", f'metadata.uid: Invalid value: "{_OTHER}": field is immutable'
    )


def test_put_of_another_uid_is_a_conflict(api, home):
    made = api.post(at("configmaps", home), a_config_map("one")).ok()
    text = f"Precondition failed: UID in precondition: {_OTHER}, UID in object meta: {made['metadata']['uid']}"
    api.put(at("configmaps", home, "one"), a_config_map("one", uid=_OTHER)).refused(409, "Conflict", text)


def test_delete_with_another_uid_is_a_conflict(api, home):
    made = api.post(at("configmaps", home), a_config_map("one")).ok()
    text = (
        'Operation cannot be fulfilled on ConfigMap "one": the UID in the precondition '
        f"({_OTHER}) does not match the UID in record ({made['metadata']['uid']}). "
        "The object might have been deleted and then recreated"
    )
    api.delete(at("configmaps", home, "one"), {"preconditions": {"uid": _OTHER}}).refused(409, "Conflict", text)
    api.delete(at("configmaps", home, "one"), {"preconditions": {"uid": made["metadata"]["uid"]}}).ok()
    api.get(at("configmaps", home, "one")).refused(404, "NotFound")


def test_delete_with_a_stale_version_is_a_conflict(api, home):
    """The teardown deletes only what it read without finalizers."""
    made = api.post(at("configmaps", home), a_config_map("one")).ok()["metadata"]
    live = api.patch(at("configmaps", home, "one"), {"data": {"key": "theirs"}}).ok()["metadata"]
    guard = {"uid": made["uid"], "resourceVersion": made["resourceVersion"]}
    api.delete(at("configmaps", home, "one"), {"preconditions": guard}).refused(
        409, "Conflict", 'Operation cannot be fulfilled on ConfigMap "one": the ResourceVersion in the precondition'
    )
    api.delete(
        at("configmaps", home, "one"), {"preconditions": guard | {"resourceVersion": live["resourceVersion"]}}
    ).ok()


def test_object_made_anew_has_another_uid(api, home):
    first = api.post(at("configmaps", home), a_config_map("one")).ok()
    api.delete(at("configmaps", home, "one")).ok()
    second = api.post(at("configmaps", home), a_config_map("one")).ok()
    assert first["metadata"]["uid"] != second["metadata"]["uid"]


def test_custom_kind_is_not_replaced_without_a_version(api, home):
    """Built-in kinds may be replaced blindly, custom ones may not."""
    api.post(at("configmaps", home), a_config_map("one")).ok()
    api.put(at("configmaps", home, "one"), a_config_map("one", {"key": "new"})).ok()
    route = a_route("one")
    api.post(at("routes", home), route).ok()
    api.put(at("routes", home, "one"), route).refused(
        422, "Invalid", "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
    )


def test_update_that_changes_nothing_makes_no_version(api, home):
    made = api.post(at("configmaps", home), a_config_map("one")).ok()
    same = api.patch(at("configmaps", home, "one"), {"data": {"key": "value"}}).ok()
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_name_of_another_object_is_a_bad_request(api, home):
    api.post(at("configmaps", home), a_config_map("one")).ok()
    api.put(at("configmaps", home, "one"), a_config_map("two")).refused(
        400, "BadRequest", "the name of the object (two) does not match the name on the URL (one)"
    )
    api.patch(at("configmaps", home, "one"), {"metadata": {"name": "two"}}).refused(
        400, "BadRequest", "the name of the object (two) does not match the name on the URL (one)"
    )
