"""429: an API server that has no time answers so, and says when to come back."""

from __future__ import annotations

import pytest

from lifeboat.errors import ApiUnavailableError
from lifeboat.resources import CONFIG_MAPS
from tests.contract.client import at
from tests.contract.lifeboats import lifeboat_on

_VERSION = "flowcontrol.apiserver.k8s.io/v1"
_NAME = "contract-no-time"


@pytest.fixture
def no_time_for_viewer(api, viewer):
    """A priority level that executes nothing, and all of the viewer's requests in it."""
    limited = {"nominalConcurrencyShares": 0, "lendablePercent": 0, "borrowingLimitPercent": 0,
               "limitResponse": {"type": "Reject"}}  # fmt: skip
    level = {"apiVersion": _VERSION, "kind": "PriorityLevelConfiguration", "metadata": {"name": _NAME},
             "spec": {"type": "Limited", "limited": limited}}  # fmt: skip
    everything = {
        "resourceRules": [
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}
        ],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "subjects": [{"kind": "User", "user": {"name": "viewer"}}],
    }
    schema = {"apiVersion": _VERSION, "kind": "FlowSchema", "metadata": {"name": _NAME},
              "spec": {"priorityLevelConfiguration": {"name": _NAME}, "matchingPrecedence": 2,
                       "rules": [everything]}}  # fmt: skip
    api.post(at("prioritylevelconfigurations"), level).ok()
    api.post(at("flowschemas"), schema).ok()
    api.eventually(lambda: viewer.get("/version").code == 429)
    yield
    api.delete(at("flowschemas", "", _NAME)).ok()
    api.delete(at("prioritylevelconfigurations", "", _NAME)).ok()
    api.eventually(lambda: viewer.get("/version").code == 200)


@pytest.mark.usefixtures("no_time_for_viewer")
def test_server_without_time_says_when_to_come_back(api, viewer, home):
    answer = viewer.get(at("configmaps", home))
    assert answer.code == 429
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.raw == b"Too many requests, please try again later.\n"
    assert api.get(at("configmaps", home)).code == 200  # everyone else is served


@pytest.mark.usefixtures("no_time_for_viewer")
def test_lifeboat_takes_it_for_a_pause(backend, home):
    """No Status to read, and nothing broken: the step is tried again."""
    cluster = lifeboat_on(backend, backend.cluster.viewer_token)
    with pytest.raises(ApiUnavailableError, match="answered 429"):
        cluster.get(CONFIG_MAPS, home, "one")


def test_schema_of_a_level_that_is_not_there_rejects_nothing(api, viewer):
    schema = {"apiVersion": _VERSION, "kind": "FlowSchema", "metadata": {"name": "dangling"},
              "spec": {"priorityLevelConfiguration": {"name": "none"}, "matchingPrecedence": 2,
                       "rules": []}}  # fmt: skip
    api.post(at("flowschemas"), schema).ok()
    assert viewer.get("/version").code == 200
    api.delete(at("flowschemas", "", "dangling")).ok()
