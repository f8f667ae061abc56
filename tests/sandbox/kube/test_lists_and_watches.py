"""Selectors, chunks, and watches."""

from __future__ import annotations

import threading
import time

import pytest
from kubernetes import watch

from tests.sandbox.kube.words import a_config_map, a_pod, eventually, refused


def _names(found) -> list[str]:
    return [each.metadata.name for each in found.items]


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app=a", ["one"]),
        ("app==a,tier=x", ["one"]),
        ("app!=a", ["default-free", "two"]),
        ("app in (a,b)", ["one", "two"]),
        ("app notin (a, b)", ["default-free"]),
        ("tier", ["one"]),
        ("!app", ["default-free"]),
        ("app,tier!=x", ["two"]),
    ],
)
def test_label_selector(core, namespace, selector, names):
    core.create_namespaced_config_map(namespace, a_config_map("one", labels={"app": "a", "tier": "x"}))
    core.create_namespaced_config_map(namespace, a_config_map("two", labels={"app": "b"}))
    core.create_namespaced_config_map(namespace, a_config_map("default-free"))
    assert _names(core.list_namespaced_config_map(namespace, label_selector=selector)) == names


def test_field_selector(core, namespace):
    core.create_namespaced_pod(namespace, a_pod("one", node="a"))
    core.create_namespaced_pod(namespace, a_pod("two"))
    assert _names(core.list_namespaced_pod(namespace, field_selector="spec.nodeName=a")) == ["one"]
    assert _names(core.list_namespaced_pod(namespace, field_selector="spec.nodeName=")) == ["two"]
    assert _names(core.list_namespaced_pod(namespace, field_selector="metadata.name!=one")) == ["two"]
    assert _names(core.list_namespaced_pod(namespace, field_selector="status.phase=Pending")) == ["one", "two"]
    with refused(400, "BadRequest", 'field label not supported: "spec.color"'):
        core.list_namespaced_pod(namespace, field_selector="spec.color=red")


def test_chunks_show_one_moment(core, namespace):
    """What is made between two chunks is in neither; a token that is too old is 410."""
    for name in ("a", "b", "c", "d"):
        core.create_namespaced_config_map(namespace, a_config_map(name))
    first = core.list_namespaced_config_map(namespace, limit=3)
    assert _names(first) == ["a", "b", "c"]
    assert first.metadata.remaining_item_count == 1
    core.create_namespaced_config_map(namespace, a_config_map("e"))
    rest = core.list_namespaced_config_map(namespace, limit=3, _continue=first.metadata._continue)
    assert _names(rest) == ["d"]
    assert rest.metadata._continue is None
    assert rest.metadata.resource_version == first.metadata.resource_version


def test_old_continue_token_is_gone(running, core, namespace):
    for name in ("a", "b"):
        core.create_namespaced_config_map(namespace, a_config_map(name))
    first = core.list_namespaced_config_map(namespace, limit=1)
    running.call(running.server.listing.expire)
    with refused(410, "Expired", "The provided continue parameter is too old"):
        core.list_namespaced_config_map(namespace, limit=1, _continue=first.metadata._continue)


def test_watch_tells_every_change_after_a_revision(core, namespace):
    begin = core.list_namespaced_config_map(namespace).metadata.resource_version
    core.create_namespaced_config_map(namespace, a_config_map("one"))
    core.patch_namespaced_config_map("one", namespace, {"data": {"key": "changed"}})
    core.delete_namespaced_config_map("one", namespace)
    core.create_namespaced_config_map(namespace, a_config_map("two"))
    seen = []
    watching = watch.Watch()
    for event in watching.stream(core.list_namespaced_config_map, namespace, resource_version=begin, timeout_seconds=5):
        seen.append((event["type"], event["object"].metadata.name))
        if event["object"].metadata.name == "two":
            watching.stop()
    assert seen == [("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one"), ("ADDED", "two")]


def test_watch_follows_live(core, namespace):
    seen: list[str] = []

    def follow() -> None:
        watching = watch.Watch()
        for event in watching.stream(core.list_namespaced_config_map, namespace, timeout_seconds=5):
            seen.append(event["type"])
            if event["type"] == "DELETED":
                watching.stop()

    thread = threading.Thread(target=follow)
    thread.start()
    core.create_namespaced_config_map(namespace, a_config_map("one"))
    eventually(lambda: "ADDED" in seen)
    core.delete_namespaced_config_map("one", namespace)
    thread.join(5)
    assert seen == ["ADDED", "DELETED"]


def test_object_that_ceases_to_match_is_deleted_to_the_watch(core, namespace):
    begin = core.list_namespaced_config_map(namespace).metadata.resource_version
    core.create_namespaced_config_map(namespace, a_config_map("one", labels={"app": "a"}))
    core.patch_namespaced_config_map("one", namespace, {"metadata": {"labels": {"app": "b"}}})
    core.patch_namespaced_config_map("one", namespace, {"metadata": {"labels": {"app": "a"}}})
    events = watch.Watch().stream(
        core.list_namespaced_config_map, namespace, resource_version=begin, label_selector="app=a", timeout_seconds=1
    )
    assert [each["type"] for each in events] == ["ADDED", "DELETED", "ADDED"]


def test_watch_from_before_compaction_is_gone(running, core, namespace):
    old = core.list_namespaced_config_map(namespace).metadata.resource_version
    core.create_namespaced_config_map(namespace, a_config_map("one"))
    running.call(running.server.store.compact)
    answer = core.list_namespaced_config_map(
        namespace, watch=True, resource_version=old, timeout_seconds=2, _preload_content=False
    )
    assert b'"type":"ERROR"' in (data := answer.data)
    assert b'"code": 410' in data


def test_revision_of_another_life_is_too_large(core, namespace):
    """A client that outlived its server is told to begin anew instead of waiting for revisions long gone."""
    with refused(504, "Timeout", "Too large resource version"):
        core.list_namespaced_config_map(namespace, resource_version="99999999")
    with refused(504, "Timeout", "Too large resource version"):
        core.list_namespaced_config_map(namespace, watch=True, resource_version="99999999", timeout_seconds=1)


def test_initial_events_end_with_a_bookmark(core, namespace):
    core.create_namespaced_config_map(namespace, a_config_map("one"))
    answer = core.list_namespaced_config_map(
        namespace, watch=True, send_initial_events=True, resource_version_match="NotOlderThan",
        allow_watch_bookmarks=True, timeout_seconds=1, _preload_content=False,
    )  # fmt: skip
    lines = answer.data.splitlines()
    assert b'"type":"ADDED"' in lines[0]
    assert b"k8s.io/initial-events-end" in lines[1]


def test_watch_ends_after_its_timeout(core, namespace):
    begun = time.monotonic()
    list(watch.Watch().stream(core.list_namespaced_config_map, namespace, timeout_seconds=1))
    assert time.monotonic() - begun > 0.9
