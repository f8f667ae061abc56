"""Finalizers, propagation, and the garbage collector. Behind an AWSMachine it collects, an instance is terminated."""

from __future__ import annotations

import time

import pytest

from tests.contract.client import at
from tests.contract.words import a_config_map, a_job, a_pod, a_route, owned_by

_HOLD = "example.com/hold"
_UNKNOWN = "00000000-0000-4000-8000-000000000000"
_SETTLE = 1.0
"""Seconds after which a garbage collector that were to act would have (measured: 0.1 to 0.5)."""


def _one(home: str) -> str:
    return at("configmaps", home, "one")


def test_deletion_waits_for_finalizers(api, home):
    api.post(at("configmaps", home), a_config_map("one", finalizers=[_HOLD, "example.com/too"])).ok()
    marked = api.delete(_one(home)).ok()
    assert marked["metadata"]["deletionTimestamp"]
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    again = api.delete(_one(home)).ok()
    assert again["metadata"]["deletionTimestamp"] == marked["metadata"]["deletionTimestamp"]
    left = api.patch(_one(home), {"metadata": {"finalizers": [_HOLD]}}).ok()
    assert left["metadata"]["finalizers"] == [_HOLD]
    last = api.patch(_one(home), {"metadata": {"finalizers": None}}).ok()
    assert "finalizers" not in last["metadata"]
    api.get(_one(home)).refused(404, "NotFound")


def test_object_without_finalizers_goes_at_once(api, home):
    made = api.post(at("configmaps", home), a_config_map("one")).ok()
    answer = api.delete(_one(home)).ok()
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    assert answer["details"] == {"name": "one", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    api.get(_one(home)).refused(404, "NotFound")


def test_no_finalizer_comes_to_what_is_being_deleted(api, home):
    api.post(at("configmaps", home), a_config_map("one", finalizers=[_HOLD])).ok()
    api.delete(_one(home)).ok()
    api.patch(_one(home), {"metadata": {"finalizers": [_HOLD, "example.com/new"]}}).refused(
        422,
        "Invalid",
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new "
        'finalizers []string{"example.com/new"}',
    )
    api.patch(_one(home), {"data": {"key": "new"}}).ok()
    api.patch(_one(home), {"metadata": {"finalizers": None}}).ok()


def test_custom_object_being_deleted_counts_a_generation(api, home):
    api.post(at("routes", home), a_route("one", finalizers=[_HOLD])).ok()
    assert api.delete(at("routes", home, "one")).ok()["metadata"]["generation"] == 2
    api.patch(at("routes", home, "one"), {"metadata": {"finalizers": None}}).ok()


def test_finalizer_must_have_a_domain(api, home):
    api.post(at("configmaps", home), a_config_map("one", finalizers=["plain"])).refused(
        422, "Invalid", 'metadata.finalizers[0]: Invalid value: "plain": name is neither a standard finalizer name nor'
    )


def test_deletion_with_another_policy_is_invalid(api, home):
    api.post(at("configmaps", home), a_config_map("one")).ok()
    api.delete(_one(home), {"propagationPolicy": "Later"}).refused(422, "Invalid", "propagationPolicy")


@pytest.mark.parametrize("make", [a_config_map, a_route])
def test_object_with_an_unknown_owner_is_collected(api, home, make):
    """What a restore with the source's uids would do to everything."""
    body = make("one", ownerReferences=[
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": _UNKNOWN}])  # fmt: skip
    path = at("routes" if make is a_route else "configmaps", home)
    api.post(path, body).ok()
    api.gone(f"{path}/one")


def test_object_whose_owner_has_another_uid_is_collected(api, home):
    """An owner of the same name does not help."""
    owner = api.post(at("configmaps", home), a_config_map("owner")).ok()
    references = owned_by(owner)
    references[0]["uid"] = _UNKNOWN
    api.post(at("configmaps", home), a_config_map("one", ownerReferences=references)).ok()
    api.gone(_one(home))


def test_owner_in_another_namespace_is_no_owner(api, home):
    owner = api.post(at("configmaps", "default"), a_config_map(f"owner-of-{home}")).ok()
    api.post(at("configmaps", home), a_config_map("one", ownerReferences=owned_by(owner))).ok()
    api.gone(_one(home))


def test_object_held_by_a_finalizer_is_marked_when_its_owner_is_unknown(api, home):
    """A controller that meets the mark acts on it: this is how an instance would be lost."""
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": _UNKNOWN}
    api.post(at("configmaps", home), a_config_map("one", ownerReferences=[owner], finalizers=[_HOLD])).ok()
    api.eventually(lambda: api.get(_one(home)).ok()["metadata"].get("deletionTimestamp"))
    api.patch(_one(home), {"metadata": {"finalizers": None}}).ok()


@pytest.mark.parametrize(
    "owner",
    [
        pytest.param({"apiVersion": "cluster.x-k8s.io/v1alpha1", "kind": "Machine"}, id="version"),
        pytest.param({"apiVersion": "nowhere.example.com/v1", "kind": "Thing"}, id="group"),
    ],
)
def test_owner_of_a_kind_that_is_not_served_decides_nothing(api, home, owner):
    api.post(
        at("configmaps", home), a_config_map("one", ownerReferences=[{**owner, "name": "m", "uid": _UNKNOWN}])
    ).ok()
    time.sleep(_SETTLE)
    assert "deletionTimestamp" not in api.get(_one(home)).ok()["metadata"]


def test_live_owner_keeps_what_it_owns(api, home):
    """Restored references name the uids that live."""
    owner = api.post(at("configmaps", home), a_config_map("owner")).ok()
    api.post(at("configmaps", home), a_config_map("one", ownerReferences=owned_by(owner))).ok()
    time.sleep(_SETTLE)
    assert api.get(_one(home)).code == 200


def test_dependents_follow_their_owner(api, home):
    owner = api.post(at("configmaps", home), a_config_map("owner")).ok()
    child = api.post(at("configmaps", home), a_config_map("child", ownerReferences=owned_by(owner))).ok()
    api.post(at("configmaps", home), a_config_map("one", ownerReferences=owned_by(child))).ok()
    api.delete(at("configmaps", home, "owner"), {"propagationPolicy": "Background"}).ok()
    api.get(at("configmaps", home, "owner")).refused(404, "NotFound")
    api.gone(_one(home))


def test_dependent_stays_while_one_owner_does(api, home):
    first, second = (api.post(at("configmaps", home), a_config_map(name)).ok() for name in ("first", "second"))
    both = owned_by(first) + owned_by(second)
    api.post(at("configmaps", home), a_config_map("one", ownerReferences=both)).ok()
    api.delete(at("configmaps", home, "first")).ok()
    api.eventually(
        lambda: [each["name"] for each in api.get(_one(home)).ok()["metadata"]["ownerReferences"]] == ["second"]
    )


def test_orphaned_dependents_stay(api, home):
    owner = api.post(at("configmaps", home), a_config_map("owner")).ok()
    api.post(at("configmaps", home), a_config_map("one", ownerReferences=owned_by(owner))).ok()
    api.delete(at("configmaps", home, "owner"), {"propagationPolicy": "Orphan"}).ok()
    api.gone(at("configmaps", home, "owner"))
    assert "ownerReferences" not in api.get(_one(home)).ok()["metadata"]
    time.sleep(_SETTLE)
    assert api.get(_one(home)).code == 200


def test_orphans_are_seen_before_their_owner_goes(api, home):
    """The finalizer `orphan` keeps the owner until its dependents have let go."""
    owner = api.post(at("configmaps", home), a_config_map("owner", finalizers=[_HOLD])).ok()
    api.post(at("configmaps", home), a_config_map("one", ownerReferences=owned_by(owner))).ok()
    marked = api.delete(at("configmaps", home, "owner"), {"propagationPolicy": "Orphan"}).ok()
    assert set(marked["metadata"]["finalizers"]) == {_HOLD, "orphan"}
    api.eventually(lambda: "ownerReferences" not in api.get(_one(home)).ok()["metadata"])
    api.eventually(lambda: api.get(at("configmaps", home, "owner")).ok()["metadata"]["finalizers"] == [_HOLD])
    api.patch(at("configmaps", home, "owner"), {"metadata": {"finalizers": None}}).ok()


def test_foreground_owner_waits_for_dependents_that_block_it(api, home):
    owner = api.post(at("configmaps", home), a_config_map("owner")).ok()
    blocking = owned_by(owner, blockOwnerDeletion=True)
    api.post(at("configmaps", home), a_config_map("one", ownerReferences=blocking, finalizers=[_HOLD])).ok()
    marked = api.delete(at("configmaps", home, "owner"), {"propagationPolicy": "Foreground"}).ok()
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    api.eventually(lambda: api.get(_one(home)).ok()["metadata"].get("deletionTimestamp"))
    assert api.get(at("configmaps", home, "owner")).code == 200
    api.patch(_one(home), {"metadata": {"finalizers": None}}).ok()
    api.gone(at("configmaps", home, "owner"))


def test_foreground_owner_does_not_wait_for_others(api, home):
    owner = api.post(at("configmaps", home), a_config_map("owner")).ok()
    loose = a_config_map("one", ownerReferences=owned_by(owner), finalizers=[_HOLD])
    api.post(at("configmaps", home), loose).ok()
    api.delete(at("configmaps", home, "owner"), {"propagationPolicy": "Foreground"}).ok()
    api.gone(at("configmaps", home, "owner"))
    api.eventually(lambda: api.get(_one(home)).ok()["metadata"].get("deletionTimestamp"))
    api.patch(_one(home), {"metadata": {"finalizers": None}}).ok()


def test_foreground_taken_off_by_hand_lets_the_owner_go(api, home):
    """As the teardown does with all finalizers of what it deletes."""
    owner = api.post(at("configmaps", home), a_config_map("owner")).ok()
    blocking = owned_by(owner, blockOwnerDeletion=True)
    api.post(at("configmaps", home), a_config_map("one", ownerReferences=blocking, finalizers=[_HOLD])).ok()
    api.delete(at("configmaps", home, "owner"), {"propagationPolicy": "Foreground"}).ok()
    api.patch(at("configmaps", home, "owner"), {"metadata": {"finalizers": None}}).ok()
    api.get(at("configmaps", home, "owner")).refused(404, "NotFound")
    api.eventually(lambda: api.get(_one(home)).ok()["metadata"].get("deletionTimestamp"))
    api.patch(_one(home), {"metadata": {"finalizers": None}}).ok()


def test_pods_of_a_job_stay_unless_asked(api, home):
    """batch/v1 orphans by default, unlike every other kind."""
    job = api.post(at("jobs", home), a_job("one", suspend=True)).ok()
    pod = a_pod("kept", schedulerName="hand")
    pod["metadata"]["ownerReferences"] = owned_by(job)
    api.post(at("pods", home), pod).ok()
    api.delete(at("jobs", home, "one")).ok()
    api.gone(at("jobs", home, "one"))
    time.sleep(_SETTLE)
    assert "ownerReferences" not in api.get(at("pods", home, "kept")).ok()["metadata"]
    api.delete(at("pods", home, "kept")).ok()


def test_all_of_a_kind_are_deleted_by_selector(api, home):
    for name, app in (("a", "x"), ("b", "x"), ("c", "y")):
        api.post(at("configmaps", home), a_config_map(name, labels={"app": app})).ok()
    api.delete(at("configmaps", home), labelSelector="app=x").ok()
    api.gone(at("configmaps", home, "a"))
    api.gone(at("configmaps", home, "b"))
    assert api.get(at("configmaps", home, "c")).code == 200
