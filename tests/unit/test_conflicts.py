"""Somebody else is at work when a recovery wants the lease."""

import pytest

from lifeboat import conflicts, lease
from lifeboat.errors import LeaseHeldError
from lifeboat.model import HostedClusterRef, Operation, Task
from tests.unit.memory import NOW, MemoryExecutions, MemoryLeases

BLUE = HostedClusterRef("clusters", "blue")
ARN = "arn:aws:states:us-east-2:123456789012:execution:lifeboat"
GIVEN = {"hostedCluster": {"namespace": "clusters", "name": "blue"}, "source": "mgmt-1"}


def held_by(machine, given, status="RUNNING"):
    leases, executions = MemoryLeases(), MemoryExecutions()
    arn = f"{ARN}-{machine}:theirs"
    executions.add(arn, given=given)
    lease.acquire(leases, executions, BLUE, "theirs", arn, NOW.timestamp())
    executions.add(arn, status, given)
    return leases, executions, arn


def meet(leases, executions, **data):
    return conflicts.meet(leases, executions, Task(Operation("ours", 0, f"{ARN}-recover:ours"), BLUE, data=data))


@pytest.mark.parametrize("kind", [{}, {"kind": "online"}])
def test_an_online_backup_is_stopped_and_its_lease_taken_over(kind):
    leases, executions, arn = held_by("backup", {**GIVEN, **kind})
    answer = meet(leases, executions, onConflict="fail")
    assert (answer["stopped"], answer["wait"]) == (arn, conflicts.SOON)
    assert executions.describe(arn).status == "ABORTED"
    ours = f"{ARN}-recover:ours"
    executions.add(ours)
    assert lease.acquire(leases, executions, BLUE, "ours", ours, NOW.timestamp()).epoch == 2


@pytest.mark.parametrize(
    ("machine", "given"),
    [
        ("backup", {**GIVEN, "kind": "quiesced"}),
        ("backup", {**GIVEN, "operation": {"id": "theirs", "epoch": 1, "parentExecution": f"{ARN}-recover:x"}}),
        ("recover", GIVEN),
        ("restore", GIVEN),
        ("another-backup", GIVEN),
    ],
    ids=["quiesced", "nested", "recovery", "restore", "another stack's"],
)
def test_nothing_else_is_stopped_and_its_holder_is_named(machine, given):
    leases, executions, arn = held_by(machine, given)
    with pytest.raises(LeaseHeldError, match=rf"operation theirs \({arn}\), nothing was changed"):
        meet(leases, executions, onConflict="fail")
    assert executions.describe(arn).status == "RUNNING"


def test_who_was_asked_to_wait_says_for_whom_and_not_for_ever():
    leases, executions, arn = held_by("recover", GIVEN)
    answer = meet(leases, executions, onConflict="wait")
    assert answer["wait"] == conflicts.LATER
    assert f"operation theirs ({arn})" in answer["waitingFor"]
    assert executions.describe(arn).status == "RUNNING"
    last = {**answer, "attempt": conflicts.LOOKS - 1}
    with pytest.raises(LeaseHeldError, match="theirs"):
        meet(leases, executions, onConflict="wait", conflict=last)


def test_a_holder_that_is_gone_meanwhile_is_no_conflict():
    leases, executions, _ = held_by("recover", GIVEN, "SUCCEEDED")
    assert meet(leases, executions, onConflict="fail")["wait"] == conflicts.SOON
    leases.release(str(BLUE), "theirs", 1)
    assert meet(leases, executions, onConflict="fail")["wait"] == conflicts.SOON
