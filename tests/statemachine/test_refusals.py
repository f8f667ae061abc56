"""A refused start tells its reason in one line, whatever Lambda wraps around it."""

from __future__ import annotations

import pytest

from lifeboat import failure
from tests.statemachine import machines
from tests.statemachine.walker import Failure, of_a_function, walk

GIVEN = {"hostedCluster": {"namespace": "clusters", "name": "blue"}}
REFUSALS = ["InvalidInputError", "LeaseHeldError", "PreflightError", "AlreadyPausedError"]


@pytest.mark.parametrize("error", REFUSALS)
@pytest.mark.parametrize("name", machines.NAMES)
def test_a_refusal_is_one_line(name, error):
    run = walk(name, GIVEN, {machines.load(name)["StartAt"]: of_a_function(error, 'wrong "input", {nothing} changed')})
    assert run.error == error
    assert run.cause == 'wrong "input", {nothing} changed'


@pytest.mark.parametrize("cause", ["", "plain words", "{half", '{"Status":"ABORTED"}'])
@pytest.mark.parametrize("name", machines.NAMES)
def test_other_causes_stay_as_they_are(name, cause):
    run = walk(name, GIVEN, {machines.load(name)["StartAt"]: Failure("States.Timeout", cause)})
    assert (run.error, run.cause) == ("States.Timeout", cause)


def test_a_recovery_reads_what_a_nested_machine_tells_in_one_line():
    cause = '{"ExecutionArn": "arn", "Status": "FAILED", "Error": "PreflightError", "Cause": "no Node in us-east-2c"}'
    assert failure.innermost("States.TaskFailed", cause) == ("PreflightError", "no Node in us-east-2c")
