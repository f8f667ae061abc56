"""`teardown` as a procedure: nothing is deleted before what could act is gone, and the operator comes back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.statemachine.walker import Failure, Run, walk

GIVEN = {"hostedCluster": {"namespace": "clusters", "name": "blue"}, "source": "mgmt-1", "restoreExecution": "arn"}
ACCEPTED = {**GIVEN, "operation": {"id": "op-1", "epoch": 3, "execution": "arn"}}
DONE = {"done": True, "waitingFor": ""}
WAITING = {"done": False, "waitingFor": "a pod"}
BROKEN = Failure("ObjectRefusedError", "refused")
WORK = [
    "HoldOperator",
    "CheckOperatorGone",
    "StopControlPlane",
    "CheckControlPlaneGone",
    "RemoveFinalizers",
    "DeleteObjects",
    "CheckDeleted",
]


def teardown(**answers: Any) -> Run:
    """Everything goes well but for what is given."""
    well = {
        "AcceptTeardown": ACCEPTED,
        "PreflightTeardown": {"infraId": "blue-x7k2p", "destination": "mgmt-2", "objects": 9, "override": False},
        **{name: {} for name in WORK},
        "HoldOperator": {"heldBy": ["op-1"], "replicas": 2},
        "CheckOperatorGone": [WAITING, DONE],
        "CheckControlPlaneGone": [WAITING, DONE],
        "DeleteObjects": {"deleted": {"nodepools": 2}},
        "CheckDeleted": [WAITING, DONE],
        "ReleaseOperator": {"heldBy": [], "replicas": 2},
        "CheckOperatorBack": [WAITING, DONE],
        "ReleaseLease": {},
    }
    return walk("teardown", GIVEN, {**well, **answers})


def tasks(run: Run) -> list[str]:
    return [each for each in run.tasks if each in run.inputs]


def test_the_procedure():
    run = teardown()
    assert tasks(run) == [
        "AcceptTeardown",
        "PreflightTeardown",
        *WORK,
        "ReleaseOperator",
        "CheckOperatorBack",
        "ReleaseLease",
    ]
    assert run.end == "TeardownComplete"
    assert (run.data["deleted"], run.data["operatorReplicas"]) == ({"nodepools": 2}, 2)


def test_a_refused_preflight_touches_nothing():
    run = teardown(PreflightTeardown=Failure("TeardownRefusedError", "not proven"))
    assert tasks(run) == ["AcceptTeardown", "PreflightTeardown", "ReleaseLease"]
    assert (run.end, run.error) == ("TeardownFailed", "TeardownRefusedError")


@pytest.mark.parametrize("state", WORK)
def test_whatever_fails_the_operator_is_put_back(state):
    run = teardown(**{state: BROKEN})
    assert tasks(run)[-3:] == ["ReleaseOperator", "CheckOperatorBack", "ReleaseLease"]
    assert (run.end, run.error, run.cause) == ("TeardownFailed", "ObjectRefusedError", "refused")


def test_an_operator_that_must_stay_down_is_told_first():
    run = teardown(CheckDeleted=BROKEN, ReleaseOperator=Failure("TeardownRefusedError", "still being deleted"))
    assert run.end == "TeardownFailed"
    assert run.cause.startswith("The operator of mgmt-1 is not back at its replicas.")
    assert "operationId op-1" in run.cause
    assert tasks(run)[-1] == "ReleaseLease"


def test_an_operator_that_does_not_come_back_fails_the_teardown():
    run = teardown(CheckOperatorBack=Failure("NotStoppedError", "0 of 2"))
    assert (run.end, run.error) == ("TeardownFailed", "NotStoppedError")
