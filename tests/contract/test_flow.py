"""429: an API server that has no time answers so, and says when to come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from lifeboat.errors import ApiUnavailableError
from lifeboat.resources import CONFIG_MAPS
from tests.contract.client import Api, at
from tests.contract.lifeboats import lifeboat_on

_VERSION = "flowcontrol.apiserver.k8s.io/v1"
_NAME = "contract-no-time"
_ALL_OF_VIEWER = {
    "resourceRules": [
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}
    ],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    "subjects": [{"kind": "User", "user": {"name": "viewer"}}],
}


def test_schema_of_a_level_that_is_not_there_rejects_nothing(api, viewer):
    schema = {"apiVersion": _VERSION, "kind": "FlowSchema", "metadata": {"name": "dangling"},
              "spec": {"priorityLevelConfiguration": {"name": "none"}, "matchingPrecedence": 2,
                       "rules": [_ALL_OF_VIEWER]}}  # fmt: skip
    api.post(at("flowschemas"), schema).ok()
    assert viewer.get("/version").code == 200
    api.delete(at("flowschemas", "", "dangling")).ok()


@pytest.fixture(scope="module")
def no_time_for_viewer(api):
    """A priority level without shares, all of the viewer's requests in it, and one of them under way.

    Without shares a level still executes one request at a time: one that waits for a version that is to come.
    """
    limited = {"nominalConcurrencyShares": 0, "lendablePercent": 0, "borrowingLimitPercent": 0,
               "limitResponse": {"type": "Reject"}}  # fmt: skip
    level = {"apiVersion": _VERSION, "kind": "PriorityLevelConfiguration", "metadata": {"name": _NAME},
             "spec": {"type": "Limited", "limited": limited}}  # fmt: skip
    schema = {"apiVersion": _VERSION, "kind": "FlowSchema", "metadata": {"name": _NAME},
              "spec": {"priorityLevelConfiguration": {"name": _NAME}, "matchingPrecedence": 2,
                       "rules": [_ALL_OF_VIEWER]}}  # fmt: skip
    role = {"metadata": {"name": _NAME},
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]}  # fmt: skip
    binding = {"metadata": {"name": _NAME},
               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": _NAME},
               "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "viewer"}]}  # fmt: skip
    made = (("prioritylevelconfigurations", level), ("flowschemas", schema), ("clusterroles", role),
            ("clusterrolebindings", binding))  # fmt: skip
    for plural, obj in made:
        api.post(at(plural), obj).ok()
    viewer = Api(api.backend, api.backend.cluster.viewer_token)
    ended = threading.Event()
    busy = threading.Thread(target=_keep_busy, args=(api.backend, ended))
    busy.start()
    api.eventually(lambda: viewer.get("/version").code == 429)
    yield
    ended.set()
    busy.join()
    for plural, _ in made:
        api.delete(at(plural, "", _NAME)).ok()
    api.eventually(lambda: viewer.get("/version").code == 200)
    viewer.close()


def _keep_busy(backend, ended: threading.Event) -> None:
    """Be the one that is executed: each of these requests waits for three seconds."""
    viewer = Api(backend, backend.cluster.viewer_token)
    while not ended.is_set():
        viewer.get(at("configmaps"), resourceVersion="99999999999")
        time.sleep(0.01)
    viewer.close()


def _refused(ask):
    """The first refusal of `ask()`: between two of the requests that keep the server busy it may be served."""
    for _ in _tries():
        if (answer := ask()).code == 429:
            return answer
    pytest.fail("never refused")


def _tries(seconds: float = 10) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)


@pytest.mark.usefixtures("no_time_for_viewer")
def test_server_without_time_says_when_to_come_back(api, viewer, home):
    answer = _refused(lambda: viewer.get(at("configmaps", home)))
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.raw == b"Too many requests, please try again later.\n"
    assert api.get(at("configmaps", home)).code == 200  # everyone else is served


@pytest.mark.usefixtures("no_time_for_viewer")
def test_lifeboat_takes_it_for_a_pause(backend, home):
    """No Status to read, and nothing broken: the step is tried again."""
    cluster = lifeboat_on(backend, backend.cluster.viewer_token)

    def read_often() -> None:
        for _ in _tries():
            cluster.list_objects(CONFIG_MAPS, home)

    with pytest.raises(ApiUnavailableError, match="answered 429"):
        read_often()
