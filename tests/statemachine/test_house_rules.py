"""What every machine of ours keeps to: bounded, retried by name, caught, reachable, readable."""

from __future__ import annotations

import inspect
import re

import pytest

from lifeboat import errors
from tests.statemachine import machines

LAMBDA = re.compile(r"\$\{(\w+)FunctionArn\}")
TRANSIENT = {
    name
    for name, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, errors.TransientError) and each is not errors.TransientError
}
OF_AWS = {
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Sandbox.Timedout",
    "Lambda.Unknown",
    "Runtime.ExitError",
}
RETRY = {
    "IntervalSeconds": 2,
    "BackoffRate": 2,
    "MaxDelaySeconds": 30,
    "MaxAttempts": 6,
    "JitterStrategy": "FULL",
}
ALL = [(name, state) for name in machines.NAMES for state, _ in machines.states(name)]


def _state(name: str, state: str) -> dict:
    return dict(machines.states(name))[state]


def _is_lambda(state: dict) -> bool:
    return state["Type"] == "Task" and "FunctionArn}" in str(state)


def _error_names(state: dict) -> set[str]:
    return {each for key in ("Retry", "Catch") for rule in state.get(key, ()) for each in rule["ErrorEquals"]}


@pytest.mark.parametrize("name", machines.NAMES)
def test_names_are_unique_within_a_machine(name):
    """History and diagrams name states, and so do these tests."""
    found = [state for state, _ in machines.states(name)]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("name", machines.NAMES)
def test_a_machine_says_what_it_does(name):
    assert machines.load(name)["Comment"]


@pytest.mark.parametrize("name", machines.NAMES)
def test_no_machine_is_cut_off(name):
    """A machine's own TimeoutSeconds would end it without any Catch: a source stopped, a destination half made, an
    operator at 0. Tasks and loops are bounded instead.
    """
    assert "TimeoutSeconds" not in machines.load(name)


LOOK = 10  # seconds that one look takes at most, in the long run


@pytest.mark.parametrize("name", ["backup", "restore", "teardown"])
def test_a_nested_machine_ends_by_itself_long_before_its_parent_loses_patience(name):
    """The sum of all its loops and all its tasks, and as much again."""
    states = dict(machines.states(name))
    waits = {state["Next"]: state["Seconds"] for state in states.values() if "Seconds" in state}
    loops = sum(
        state["Parameters"]["atMost"] * (waits[name] + LOOK)
        for name, state in states.items()
        if "atMost" in state.get("Parameters", {})
    )
    tasks = sum(state["TimeoutSeconds"] for state in states.values() if state["Type"] == "Task")
    assert 2 * (loops + tasks) < _state("recover", f"Run{name.capitalize()}")["TimeoutSeconds"]


@pytest.mark.parametrize(("name", "state"), ALL)
def test_every_task_has_a_timeout(name, state):
    body = _state(name, state)
    assert body["Type"] != "Task" or body["TimeoutSeconds"] > 0


WAY_BACK = {"ResumeSource", "CheckSourceServing", "RestoreSourceAutoRepair", "PutBackCut"}
"""The way back to a serving source: tried again whatever went wrong, unless a newer execution has taken over."""
CLEAN_UP = {"DiscardSnapshot", "DiscardFailedSnapshot", "DiscardFailedOnlineSnapshot"}
"""What would stay in the etcd pods: the same."""


@pytest.mark.parametrize(("name", "state"), ALL)
def test_every_function_is_retried_by_the_same_names(name, state):
    """The names are all of our transient errors and Lambda's own; Step Functions knows no inheritance."""
    body = _state(name, state)
    if _is_lambda(body):
        rule, *insisting = body["Retry"]
        assert set(rule["ErrorEquals"]) == TRANSIENT | OF_AWS
        # The way back to a serving source may insist longer than the rest.
        assert {**rule, "ErrorEquals": None, "MaxAttempts": 0} == {**RETRY, "ErrorEquals": None, "MaxAttempts": 0}
        assert rule["MaxAttempts"] >= RETRY["MaxAttempts"]
        assert bool(insisting) == (state in WAY_BACK | CLEAN_UP)
        if insisting:
            assert [each["ErrorEquals"] for each in insisting] == [["LeaseLostError"], ["States.ALL"]]
            assert insisting[0]["MaxAttempts"] == 0


@pytest.mark.parametrize(("name", "state"), ALL)
def test_every_task_catches_everything_last(name, state):
    """Inside a branch the Parallel state catches for all of them."""
    top = machines.load(name)["States"]
    body = _state(name, state)
    if body["Type"] in {"Task", "Parallel", "Map"} and state in top:
        assert body["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


@pytest.mark.parametrize(("name", "state"), ALL)
def test_every_error_name_is_known(name, state):
    """A misspelled name would silently match nothing."""
    for error in _error_names(_state(name, state)):
        assert error.startswith(("States.", "Lambda.", "Sandbox.", "Runtime.", "StepFunctions.")) or hasattr(
            errors, error
        )


@pytest.mark.parametrize("name", machines.NAMES)
def test_every_state_is_reachable_and_every_next_exists(name):
    for level in machines.levels(machines.load(name)):
        seen, todo = set(), [level["StartAt"]]
        while todo:
            current = todo.pop()
            assert current in level["States"], current
            if current not in seen:
                seen.add(current)
                todo += machines.targets(level["States"][current])
        assert seen == set(level["States"])


@pytest.mark.parametrize(("name", "state"), ALL)
def test_every_state_ends_or_goes_on(name, state):
    body = _state(name, state)
    ends = body["Type"] in {"Succeed", "Fail", "Choice"} or body.get("End") is True
    assert ends != ("Next" in body)
    assert body["Type"] != "Choice" or "Default" in body


@pytest.mark.parametrize("name", machines.NAMES)
def test_no_anchors_and_no_yaml_booleans_as_names(name):
    """Each state is read where it stands; YAML reads Yes and No as booleans."""
    text = machines.text(name)
    assert not re.search(r"[:\-]\s+[&*]\w", text)
    assert all(isinstance(state, str) for state, _ in machines.states(name))


@pytest.mark.parametrize(("name", "state"), ALL)
def test_failures_tell_why(name, state):
    body = _state(name, state)
    if body["Type"] == "Fail":
        assert body.get("CausePath") or body.get("Cause")
        assert body.get("ErrorPath") or body.get("Error")
