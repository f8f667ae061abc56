"""The API server restarts in the middle: connections break, the data stays, clients find their way back."""

from __future__ import annotations

import threading
import time

import pytest
import urllib3

from lifeboat.errors import ApiUnavailableError
from lifeboat.resources import ROUTES
from sandbox.breaking.api import without_api
from tests.contract.client import at
from tests.contract.lifeboats import lifeboat_on
from tests.contract.words import a_route, a_secret


def _follow(api, path, version, told: list[str]) -> None:
    """Add how a watch that was to last a minute ended."""
    try:
        with api.watch(path, resourceVersion=version, seconds=60) as events:
            told.append(f"ended after {[kind for kind, _ in events]}")
    except urllib3.exceptions.HTTPError as error:
        told.append(type(error).__name__)


def _ask(cluster, home, ended: threading.Event, told: list[type]) -> None:
    """Read through Lifeboat's client all the time, and add every error."""
    while not ended.is_set():
        try:
            cluster.get(ROUTES, home, "one")
        except Exception as error:  # noqa: BLE001 - which it was is what is tested
            told.append(type(error))
        time.sleep(0.02)


# A connection that the server broke may be left to the interpreter by the client's library.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_api_that_is_away_serves_nobody_and_comes_back_with_its_data(api, backend, home):
    made = api.post(at("routes", home), a_route("before")).ok()
    cluster = lifeboat_on(backend)
    with without_api(backend.cluster):
        with pytest.raises(ApiUnavailableError):
            cluster.get(ROUTES, home, "before")
        backend.check()
    assert cluster.get(ROUTES, home, "before")["metadata"]["uid"] == made["metadata"]["uid"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_restart_breaks_connections_and_keeps_the_data(api, backend, home):
    """One restart for all that is to be seen of it: a real one takes seconds."""
    path = at("routes", home)
    version = api.get(path).ok()["metadata"]["resourceVersion"]
    made = api.post(path, a_route("one")).ok()
    for name in ("a", "b"):
        api.post(at("secrets", home), a_secret(name)).ok()
    token = api.get(at("secrets", home), limit=1).ok()["metadata"]["continue"]
    watched: list[str] = []
    errors: list[type] = []
    ended = threading.Event()
    threads = [
        threading.Thread(target=_follow, args=(api, path, version, watched)),
        threading.Thread(target=_ask, args=(lifeboat_on(backend), home, ended, errors)),
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    backend.restart()
    ended.set()
    for thread in threads:
        thread.join(30)

    assert watched, "the watch lived on"
    assert set(errors) == {ApiUnavailableError}, "Lifeboat takes it for a pause, and for nothing else"
    assert api.get(f"{path}/one").ok() == made
    # A list that was begun goes on: its moment is in the store.
    rest = api.get(at("secrets", home), continue_=token).ok()
    assert [each["metadata"]["name"] for each in rest["items"]] == ["b"]
    # A watch does not: events are remembered by the server that ended.
    with api.watch(path, resourceVersion=version, seconds=10) as events:
        kind, status = next(events)
    assert (kind, status["code"], status["reason"]) == ("ERROR", 410, "Expired")
    # Who lists anew follows again.
    version = api.get(path).ok()["metadata"]["resourceVersion"]
    api.post(path, a_route("two")).ok()
    with api.watch(path, resourceVersion=version, seconds=10) as events:
        kind, obj = next(events)
    assert (kind, obj["metadata"]["name"]) == ("ADDED", "two")
