"""Small rules: names of TXT records, Go durations, what counts as a difference."""

import pytest

from sandbox.client import SECRETS
from sandbox.hypershift.external_dns import text_names
from sandbox.hypershift.machine_health import duration
from sandbox.hypershift.names import control_plane_namespace
from sandbox.objects import ensure, with_conditions


class Api:
    """Holds one object and counts the writes."""

    def __init__(self, live):
        self.live = live
        self.patches = []

    def get(self, *_):
        return self.live

    def patch(self, _resource, _name, patch, _namespace):
        self.patches.append(patch)
        return self.live


def test_both_forms_of_ownership_records():
    assert text_names("api-blue.hosted.example.com", "-external-dns") == (
        "api-blue-external-dns.hosted.example.com",
        "cname-api-blue-external-dns.hosted.example.com",
    )


@pytest.mark.parametrize(("text", "seconds"), [("8m", 480), ("8m0s", 480), ("1h30m", 5400), ("20s", 20)])
def test_go_durations(text, seconds):
    assert duration(text) == seconds


def test_dots_of_the_name_become_dashes():
    hosted = {"metadata": {"namespace": "clusters", "name": "blue.two"}}
    assert control_plane_namespace(hosted) == "clusters-blue-two"


def test_what_the_api_added_by_default_is_no_difference():
    live = {"metadata": {"name": "a"}, "spec": {"list": [{"name": "x", "defaulted": 1}], "defaulted": 2}}
    api = Api(live)
    ensure(api, SECRETS, {"metadata": {"name": "a"}, "spec": {"list": [{"name": "x"}], "none": None}})
    assert api.patches == []


def test_what_the_api_leaves_out_is_no_difference():
    api = Api({"metadata": {"name": "a"}, "spec": {}})
    ensure(api, SECRETS, {"metadata": {"name": "a"}, "spec": {"paused": False, "list": []}})
    assert api.patches == []
    ensure(api, SECRETS, {"metadata": {"name": "a"}, "spec": {"paused": True, "replicas": 0}})
    assert api.patches == [{"spec": {"paused": True, "replicas": 0}}]


def test_only_what_differs_is_written():
    api = Api({"metadata": {"name": "a"}, "spec": {"kept": 1, "old": 2, "gone": 3}})
    ensure(api, SECRETS, {"metadata": {"name": "a"}, "spec": {"kept": 1, "old": 4, "gone": None}})
    assert api.patches == [{"spec": {"old": 4, "gone": None}}]


def test_a_transition_time_changes_with_the_status_only():
    first = with_conditions([], [("Ready", "True", "A", "")])
    first[0]["lastTransitionTime"] = "2020-01-01T00:00:00Z"
    assert with_conditions(first, [("Ready", "True", "B", "")])[0]["lastTransitionTime"] == "2020-01-01T00:00:00Z"
    assert with_conditions(first, [("Ready", "False", "B", "")])[0]["lastTransitionTime"] != "2020-01-01T00:00:00Z"
