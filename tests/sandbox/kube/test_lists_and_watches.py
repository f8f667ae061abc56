"""Selectors, chunks, and watches."""

from __future__ import annotations

import time

from kubernetes import watch

from tests.sandbox.kube.words import a_config_map


def _names(found) -> list[str]:
    return [each.metadata.name for each in found.items]


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


def test_watch_ends_after_its_timeout(core, namespace):
    begun = time.monotonic()
    list(watch.Watch().stream(core.list_namespaced_config_map, namespace, timeout_seconds=1))
    assert time.monotonic() - begun > 0.9
