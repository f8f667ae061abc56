"""Lists: selectors, chunks, and which moment they show."""

from __future__ import annotations

import base64
import json
import time

import pytest

from lifeboat.resources import SECRETS
from tests.contract.client import at
from tests.contract.lifeboats import lifeboat_on
from tests.contract.words import a_config_map, a_pod, a_route, a_secret

_NEVER = "99999999999"


def _names(answer) -> list[str]:
    names = [each["metadata"]["name"] for each in answer.ok()["items"]]
    return [name for name in names if name != "kube-root-ca.crt"]


def _fill(api, home, *names):
    for name in names:
        api.post(at("secrets", home), a_secret(name)).ok()


def test_list_is_of_its_kind(api, home):
    _fill(api, home, "b", "a")
    found = api.get(at("secrets", home)).ok()
    assert (found["kind"], found["apiVersion"]) == ("SecretList", "v1")
    assert [each["metadata"]["name"] for each in found["items"]] == ["a", "b"]
    assert int(found["metadata"]["resourceVersion"]) > 0


def test_items_of_built_in_kinds_do_not_name_their_kind(api, home):
    """Items of custom kinds do."""
    _fill(api, home, "a")
    assert "kind" not in api.get(at("secrets", home)).ok()["items"][0]
    api.post(at("routes", home), a_route("one")).ok()
    assert api.get(at("routes", home)).ok()["items"][0]["kind"] == "Route"


def test_empty_list_has_items(api, home):
    for plural in ("secrets", "routes", "hostedclusters"):
        assert api.get(at(plural, home)).ok()["items"] == []


def test_list_of_a_namespace_that_is_not_there_is_empty(api):
    assert api.get(at("secrets", "nowhere")).ok()["items"] == []


def test_list_of_all_namespaces_is_sorted_by_them(api, home):
    _fill(api, home, "z-of-all")
    api.post(at("secrets", "default"), a_secret(f"a-of-{home}")).ok()
    found = api.get(at("secrets")).ok()["items"]
    keys = [(each["metadata"]["namespace"], each["metadata"]["name"]) for each in found]
    assert keys == sorted(keys)
    assert {(home, "z-of-all"), ("default", f"a-of-{home}")} <= set(keys)


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app=a", ["one"]),
        ("app==a,tier=x", ["one"]),
        ("app!=a", ["free", "two"]),
        ("app in (a,b)", ["one", "two"]),
        ("app notin (a, b)", ["free"]),
        ("tier", ["one"]),
        ("!app", ["free"]),
        ("app,tier!=x", ["two"]),
    ],
)
def test_label_selector(api, home, selector, names):
    api.post(at("configmaps", home), a_config_map("one", labels={"app": "a", "tier": "x"})).ok()
    api.post(at("configmaps", home), a_config_map("two", labels={"app": "b"})).ok()
    api.post(at("configmaps", home), a_config_map("free")).ok()
    assert _names(api.get(at("configmaps", home), labelSelector=selector)) == names


def test_label_selector_that_is_none_is_a_bad_request(api, home):
    api.get(at("configmaps", home), labelSelector="app=a=b").refused(400, "BadRequest")


def test_field_selector(api, home):
    api.post(at("pods", home), a_pod("one", nodeName="nowhere")).ok()
    api.post(at("pods", home), a_pod("two", schedulerName="hand")).ok()
    path = at("pods", home)
    assert _names(api.get(path, fieldSelector="spec.nodeName=nowhere")) == ["one"]
    assert _names(api.get(path, fieldSelector="spec.nodeName=")) == ["two"]
    assert _names(api.get(path, fieldSelector="metadata.name!=one")) == ["two"]
    assert _names(api.get(path, fieldSelector="status.phase=Pending")) == ["one", "two"]
    api.get(path, fieldSelector="spec.color=red").refused(400, "BadRequest", "field label not supported: spec.color")
    api.delete(at("pods", home, "one"), {"gracePeriodSeconds": 0}).ok()


def test_field_selector_of_a_custom_kind_knows_names(api, home):
    for name in ("one", "two"):
        api.post(at("routes", home), a_route(name)).ok()
    assert _names(api.get(at("routes", home), fieldSelector="metadata.name=two")) == ["two"]
    api.get(at("routes", home), fieldSelector="spec.host=x").refused(
        400, "BadRequest", "field label not supported: spec.host"
    )


def test_type_of_secrets_selects(api, home):
    _fill(api, home, "plain")
    api.post(at("secrets", home), a_secret("other", type="example.com/other")).ok()
    assert _names(api.get(at("secrets", home), fieldSelector="type=example.com/other")) == ["other"]


def test_chunks_show_one_moment(api, home):
    """What is made or deleted between two chunks changes nothing of the later ones."""
    _fill(api, home, "a", "b", "c", "d", "e")
    first = api.get(at("secrets", home), limit=2)
    assert _names(first) == ["a", "b"]
    assert first.ok()["metadata"]["remainingItemCount"] == 3
    _fill(api, home, "bb", "f")
    api.delete(at("secrets", home, "c")).ok()
    second = api.get(at("secrets", home), limit=2, continue_=first.ok()["metadata"]["continue"])
    assert _names(second) == ["c", "d"]
    assert second.ok()["metadata"]["remainingItemCount"] == 1
    last = api.get(at("secrets", home), limit=2, continue_=second.ok()["metadata"]["continue"])
    assert _names(last) == ["e"]
    assert "continue" not in last.ok()["metadata"]
    assert last.ok()["metadata"]["resourceVersion"] == first.ok()["metadata"]["resourceVersion"]


def test_chunk_may_be_asked_for_twice(api, home):
    """A reader whose connection broke asks again."""
    _fill(api, home, "a", "b", "c")
    token = api.get(at("secrets", home), limit=1).ok()["metadata"]["continue"]
    assert _names(api.get(at("secrets", home), limit=1, continue_=token)) == ["b"]
    assert _names(api.get(at("secrets", home), limit=1, continue_=token)) == ["b"]


def test_chunks_of_a_selection_do_not_tell_what_remains(api, home):
    for name in ("a", "b", "c"):
        api.post(at("configmaps", home), a_config_map(name, labels={"app": "x"})).ok()
    first = api.get(at("configmaps", home), limit=2, labelSelector="app=x")
    assert _names(first) == ["a", "b"]
    assert "remainingItemCount" not in first.ok()["metadata"]
    rest = api.get(at("configmaps", home), limit=2, labelSelector="app=x", continue_=first.ok()["metadata"]["continue"])
    assert _names(rest) == ["c"]


def test_limit_that_holds_all_ends_the_list(api, home):
    _fill(api, home, "a", "b")
    found = api.get(at("secrets", home), limit=2).ok()["metadata"]
    assert "continue" not in found
    assert "remainingItemCount" not in found


def test_continue_token_that_is_none_is_a_bad_request(api, home):
    api.get(at("secrets", home), limit=1, continue_="x").refused(400, "BadRequest", "continue key is not valid")


def test_expired_continue_token_is_gone_and_brings_another(api, home, monkeypatch):
    """The new one goes on with what is there now."""
    _fill(api, home, "a", "b", "c")
    token = api.get(at("secrets", home), limit=1).ok()["metadata"]["continue"]
    _fill(api, home, "bb")
    api.backend.compact()

    def expired():
        answer = api.get(at("secrets", home), limit=1, continue_=token)
        return answer.code == 410 and answer

    status = api.eventually(expired, 60).refused(
        410,
        "Expired",
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list.",
    )
    rest = api.get(at("secrets", home), continue_=status["metadata"]["continue"])
    assert _names(rest) == ["b", "bb", "c"]
    assert _begun_again(lifeboat_on(api.backend), home, token, monkeypatch) == ["a", "b", "bb", "c"]


def _begun_again(cluster, home, expired, monkeypatch):
    """Names that Lifeboat's client lists when its first token has expired: all of one moment, not what is left."""
    call = cluster._call
    tokens = [expired]

    def with_the_expired(method, path, query):
        given = [(key, tokens.pop() if key == "continue" and tokens else value) for key, value in query]
        return call(method, path, given)

    monkeypatch.setattr("lifeboat.adapters.kube._PAGE", 1)
    monkeypatch.setattr(cluster, "_call", with_the_expired)
    names = [each["metadata"]["name"] for each in cluster.list_objects(SECRETS, home)]
    assert tokens == []
    return names


def test_list_at_an_old_version_is_exact_or_gone(api, home):
    _fill(api, home, "a")
    version = api.get(at("secrets", home)).ok()["metadata"]["resourceVersion"]
    _fill(api, home, "b")
    exact = api.get(at("secrets", home), resourceVersion=version, resourceVersionMatch="Exact", limit=10)
    assert _names(exact) == ["a"]
    assert exact.ok()["metadata"]["resourceVersion"] == version


def test_list_not_older_than_a_version_shows_it(api, home):
    made = api.post(at("secrets", home), a_secret("a")).ok()["metadata"]["resourceVersion"]
    found = api.get(at("secrets", home), resourceVersion=made, resourceVersionMatch="NotOlderThan")
    assert _names(found) == ["a"]
    assert int(found.ok()["metadata"]["resourceVersion"]) >= int(made)
    assert api.get(at("secrets", home), resourceVersion="0").code == 200


def test_version_of_another_life_is_too_large(api, home):
    """A client that outlived its server's data is told so, instead of waiting for ever."""
    began = time.monotonic()
    status = api.get(at("secrets", home), resourceVersion=_NEVER).refused(504, "Timeout", "Too large resource version")
    assert status["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert time.monotonic() - began < 10


def test_versions_rise_over_all_kinds(api, home):
    first = int(api.post(at("secrets", home), a_secret("a")).ok()["metadata"]["resourceVersion"])
    second = int(api.post(at("configmaps", home), a_config_map("a")).ok()["metadata"]["resourceVersion"])
    third = int(api.post(at("routes", home), a_route("a")).ok()["metadata"]["resourceVersion"])
    assert first < second < third


def test_list_shows_what_was_just_written(api, home):
    """Reads that name no version are never stale."""
    for number in range(20):
        api.post(at("routes", home), a_route(f"r{number}")).ok()
        assert len(api.get(at("routes", home)).ok()["items"]) == number + 1


def test_token_is_opaque_but_names_its_moment(api, home):
    _fill(api, home, "a", "b")
    found = api.get(at("secrets", home), limit=1).ok()["metadata"]
    token = found["continue"]
    decoded = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    assert decoded["v"] == "meta.k8s.io/v1"
    assert str(decoded["rv"]) == found["resourceVersion"]
