"""The API server restarts in the middle: connections break, the data stays, clients find their way back."""

from __future__ import annotations

import threading
import time

import pytest
import urllib3

from lifeboat import polling  # noqa: F401
from lifeboat.errors import ApiUnavailableError
from lifeboat.resources import CONFIG_MAPS
from tests.contract.client import at
from tests.contract.lifeboats import lifeboat_on
from tests.contract.words import a_config_map, a_route


def test_restart_keeps_what_was_stored(api, backend, home):
    version = api.get(at("routes", home)).ok()["metadata"]["resourceVersion"]
    made = api.post(at("routes", home), a_route("one")).ok()
    broken: list[str] = []

    def follow() -> None:
        try:
            with api.watch(at("routes", home), resourceVersion=version, seconds=60) as events:
                broken.append(str([kind for kind, _ in events]))
        except urllib3.exceptions.HTTPError as error:
            broken.append(type(error).__name__)

    thread = threading.Thread(target=follow)
    thread.start()
    time.sleep(0.3)
    backend.restart()
    thread.join(20)
    assert broken, "the watch lived on"
    assert api.get(at("routes", home, "one")).ok() == made
    api.post(at("routes", home), a_route("two")).ok()
    with api.watch(at("routes", home), resourceVersion=version, seconds=20) as events:
        kind, obj = next(events)
    assert (kind, obj["metadata"]["name"]) == ("ADDED", "two")
