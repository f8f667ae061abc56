"""Watches: every change after a version, bookmarks, and the end of what is remembered."""

from __future__ import annotations

import threading
import time

from tests.contract.client import at
from tests.contract.words import a_config_map, a_route

_NEVER = "99999999999"


def _version(api, path) -> str:
    return api.get(path).ok()["metadata"]["resourceVersion"]


def _until(events, last) -> list[tuple[str, str]]:
    """Type and name of the events until the first of the type or name `last`."""
    seen = []
    for kind, obj in events:
        seen.append((kind, obj["metadata"].get("name", "")))
        if last in seen[-1]:
            break
    return seen


def test_watch_tells_every_change_after_a_version(api, home):
    path = at("routes", home)
    begin = _version(api, path)
    api.post(path, a_route("one")).ok()
    api.patch(f"{path}/one", {"metadata": {"labels": {"a": "b"}}}).ok()
    api.delete(f"{path}/one").ok()
    api.post(path, a_route("two")).ok()
    with api.watch(path, resourceVersion=begin) as events:
        seen = _until(events, "two")
    assert seen == [("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one"), ("ADDED", "two")]


def test_watch_follows_live(api, home):
    path = at("routes", home)
    seen: list[tuple[str, str]] = []
    begin = _version(api, path)

    def follow() -> None:
        with api.watch(path, resourceVersion=begin) as events:
            seen.extend(_until(events, "DELETED"))

    thread = threading.Thread(target=follow)
    thread.start()
    api.post(path, a_route("one")).ok()
    time.sleep(0.2)
    api.delete(f"{path}/one").ok()
    thread.join(15)
    assert seen == [("ADDED", "one"), ("DELETED", "one")]


def test_watch_without_a_version_begins_with_what_is_there(api, home):
    path = at("routes", home)
    api.post(path, a_route("one")).ok()
    with api.watch(path) as events:
        assert _until(events, "one") == [("ADDED", "one")]


def test_deleted_object_is_told_as_it_was_last(api, home):
    path = at("routes", home)
    begin = _version(api, path)
    made = api.post(path, a_route("one")).ok()["metadata"]
    api.delete(f"{path}/one").ok()
    with api.watch(path, resourceVersion=begin) as events:
        next(events)
        kind, obj = next(events)
    assert kind == "DELETED"
    assert obj["metadata"]["uid"] == made["uid"]
    assert int(obj["metadata"]["resourceVersion"]) > int(made["resourceVersion"])


def test_object_that_ceases_to_match_is_deleted_to_the_watch(api, home):
    path = at("configmaps", home)
    begin = _version(api, path)
    api.post(path, a_config_map("one", labels={"app": "a"})).ok()
    api.patch(f"{path}/one", {"metadata": {"labels": {"app": "b"}}}).ok()
    api.patch(f"{path}/one", {"metadata": {"labels": {"app": "a"}}}).ok()
    with api.watch(path, resourceVersion=begin, labelSelector="app=a", seconds=5) as events:
        kinds = [next(events)[0] for _ in range(3)]
    assert kinds == ["ADDED", "DELETED", "ADDED"]


def test_watch_of_one_object(api, home):
    path = at("routes", home)
    begin = _version(api, path)
    for name in ("one", "two", "three"):
        api.post(path, a_route(name)).ok()
    with api.watch(path, resourceVersion=begin, fieldSelector="metadata.name=two") as events:
        assert next(events)[1]["metadata"]["name"] == "two"


def test_watch_ends_after_its_time(api, home):
    began = time.monotonic()
    with api.watch(at("routes", home), seconds=1) as events:
        assert list(events) == []
    assert 0.9 < time.monotonic() - began < 8


def test_initial_events_end_with_a_bookmark(api, home):
    path = at("routes", home)
    made = api.post(path, a_route("one")).ok()["metadata"]["resourceVersion"]
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    with api.watch(path, **query) as events:
        first, second = next(events), next(events)
    assert (first[0], first[1]["metadata"]["name"]) == ("ADDED", "one")
    assert second[0] == "BOOKMARK"
    assert second[1]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(second[1]["metadata"]["resourceVersion"]) >= int(made)


def test_bookmark_comes_before_the_end(api, home):
    """It tells the version up to which all was seen, though nothing happened here."""
    path = at("routes", home)
    begin = _version(api, path)
    with api.watch(path, resourceVersion=begin, allowWatchBookmarks="true", seconds=5) as events:
        made = api.post(at("routes", "default"), a_route(f"of-{home}")).ok()["metadata"]["resourceVersion"]
        kind, obj = next(events)
    assert kind == "BOOKMARK"
    assert (obj["kind"], obj["apiVersion"]) == ("Route", "route.openshift.io/v1")
    assert int(obj["metadata"]["resourceVersion"]) >= int(made)


def test_nothing_but_events_comes_unless_bookmarks_are_asked_for(api, home):
    with api.watch(at("routes", home), resourceVersion=_version(api, at("routes", home)), seconds=3) as events:
        assert list(events) == []


def test_watch_of_a_forgotten_version_is_gone(api, home):
    """410 comes as an event of a watch that was accepted."""
    api.post(at("routes", home), a_route("one")).ok()
    with api.watch(at("routes", home), resourceVersion="1") as events:
        kind, status = next(events)
    assert kind == "ERROR"
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")
    assert status["message"].startswith("too old resource version: 1 (")


def test_watch_of_a_version_that_is_none_is_a_bad_request(api, home):
    answer = api.get(at("routes", home), watch="true", resourceVersion="x", timeoutSeconds=1)
    assert answer.code in {400, 500}
    assert answer.body["kind"] == "Status"


def test_watch_from_another_life_says_nothing(api, home):
    """Unlike a list: a client that outlived its server's data waits until its watch ends."""
    answer = api.get(at("routes", home), watch="true", resourceVersion=_NEVER, timeoutSeconds=2)
    assert (answer.code, answer.raw) == (200, b"")
