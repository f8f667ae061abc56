"""Backups that are cut off: at any task, in the middle, or overtaken by another start of the same operation."""

import random
import re

import pytest

from sandbox.aws.functions import faults
from sandbox.aws.functions.faults import Fault
from sandbox.proof import leftovers
from tests.e2e.tasks import QUIESCING, SURVIVED, TASKS
from tests.operations import Operations, wait_until
from tests.stored import left_behind, listed

ONLINE = [each for each in TASKS if each[0] not in QUIESCING]
QUIESCED = [("quiesced", *each) for each in TASKS]
EVERY = [("online", *each) for each in ONLINE] + QUIESCED
NAMES = [f"{kind}-{state}" for kind, state, _, _ in EVERY]


@pytest.mark.full
@pytest.mark.parametrize(("kind", "state", "function", "skip"), EVERY, ids=NAMES)
@pytest.mark.parametrize("when", ["before", "killed"])
def test_any_task_may_fail_before_its_work_or_die_after_it(when, kind, state, function, skip, blue, sandbox):
    """The source serves as before, nothing is left in pods or open in S3, and no half backup is listed."""
    before, had = blue.source(), listed(blue)
    faults.plant(sandbox.plan, Fault(function, when, skip))
    ended = blue.run("backup", source="mgmt-1", kind=kind)
    assert faults.planted(sandbox.plan) == [], f"{state} was never reached"
    assert blue.source() == before
    assert blue.serves()
    new = listed(blue) - had
    assert left_behind(blue) == []
    if when == "killed" or state in SURVIVED:
        assert ended.status == "SUCCEEDED", ended.cause
        assert new == {ended.output["backupId"]}
    else:
        assert (ended.status, ended.error) == ("FAILED", "PlantedFaultError")
        assert new == set()


@pytest.fixture(scope="module")
def lasts(sandbox):
    """How many seconds each function of an online backup takes in a warm process, as the sandbox measured it."""
    for _ in range(2):
        ended = Operations(sandbox, "blue").run("backup", source="mgmt-1")
        assert ended.status == "SUCCEEDED", ended.cause
    logs = {each: sandbox.plan.logs / "functions" / f"lifeboat-{each}.log" for _, each, _ in ONLINE}
    told = {each: re.findall(r"\tDuration: ([0-9.]+) ms", log.read_text()) for each, log in logs.items()}
    return {each: float(milliseconds[-1]) / 1000 for each, milliseconds in told.items()}


@pytest.mark.full
@pytest.mark.parametrize("seed", range(2))
def test_every_function_of_an_online_backup_may_be_cut_off_in_the_middle(seed, lasts, blue, sandbox):
    """Each is killed once, at any moment of its work, in one and the same backup. The retries make up for all."""
    before, had, chance = blue.source(), listed(blue), random.Random(f"online {seed}")
    for _, function, _ in ONLINE:
        faults.plant(sandbox.plan, Fault(function, "cut", seconds=chance.random() * lasts[function]))
    ended = blue.run("backup", source="mgmt-1")
    assert ended.status == "SUCCEEDED", ended.cause
    assert faults.planted(sandbox.plan) == []
    assert blue.source() == before
    assert blue.serves()
    assert left_behind(blue) == []
    assert listed(blue) - had == {ended.output["backupId"]}


@pytest.mark.parametrize("function", ["transfer-snapshot", pytest.param("commit-backup", marks=pytest.mark.full)])
def test_an_execution_that_is_stopped_is_taken_up_by_the_next_start(function, blue, sandbox):
    """StopExecution runs no way back: the source rests until the operation is started again, and serves then."""
    before, had = blue.source(), listed(blue)
    faults.plant(sandbox.plan, Fault(function, "held"))
    first = blue.start("backup", source="mgmt-1", kind="quiesced", name=f"stopped-in-{function}")
    blue.wait_until_held(first)
    blue.stepfunctions.stop_execution(executionArn=first)
    faults.release(sandbox.plan)
    assert blue.source() != before
    ended = blue.run("backup", source="mgmt-1", kind="quiesced", operationId=f"stopped-in-{function}")
    assert ended.status == "SUCCEEDED", ended.cause
    assert blue.source() == before
    assert blue.serves()
    assert left_behind(blue) == []
    assert listed(blue) - had == {ended.output["backupId"]}


@pytest.mark.parametrize(
    "function",
    [
        "start-snapshot",
        *(pytest.param(each, marks=pytest.mark.full) for each in ("transfer-snapshot", "commit-backup")),
    ],
)
def test_a_late_twin_does_no_harm(function, blue, sandbox):
    """A function of a stopped execution comes to its work when another start has done it all: it finds no lease."""
    had, name = listed(blue), f"late-{function}"
    faults.plant(sandbox.plan, Fault(function, "late"))
    first = blue.start("backup", source="mgmt-1", name=name)
    blue.wait_until_held(first)
    blue.stepfunctions.stop_execution(executionArn=first)
    ended = blue.run("backup", source="mgmt-1", operationId=name)
    assert ended.status == "SUCCEEDED", ended.cause
    log = sandbox.plan.logs / "functions" / f"lifeboat-{function}.log"
    told = log.stat().st_size
    faults.release(sandbox.plan)
    wait_until(lambda: b"REPORT RequestId" in log.read_bytes()[told:])
    assert b"LeaseLostError" in log.read_bytes()[told:]
    assert left_behind(blue) == []
    assert listed(blue) - had == {ended.output["backupId"]}


def test_a_stopped_online_backup_is_cleaned_up_by_the_next_one(home, blue, sandbox):
    """Another operation, another backup: what the stopped one left in pods and S3 goes with it."""
    faults.plant(sandbox.plan, Fault("start-snapshot", "held"))
    first = blue.start("backup", source="mgmt-1")
    blue.wait_until_held(first)
    blue.stepfunctions.stop_execution(executionArn=first)
    assert leftovers.in_pods(home, blue.plane) != []
    faults.release(sandbox.plan)
    ended = blue.run("backup", source="mgmt-1")
    assert ended.status == "SUCCEEDED", ended.cause
    assert left_behind(blue) == []
