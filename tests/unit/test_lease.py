"""One owner per hosted cluster; a late twin is told."""

import pytest

from lifeboat import acceptance, lease
from lifeboat.errors import (
    LeaseHeldError,
    LeaseLostError,
    PreflightError,
    RestoreFailedError,
    ResumeFailedError,
    TeardownRefusedError,
)
from lifeboat.model import HostedClusterRef, Operation, Task
from tests.unit.memory import NOW, MemoryClock, MemoryExecutions, MemoryLeases

BLUE = HostedClusterRef("clusters", "blue")
FIRST = "arn:aws:states:us-east-2:123456789012:execution:lifeboat-recover:first"
SECOND = "arn:aws:states:us-east-2:123456789012:execution:lifeboat-recover:second"


@pytest.fixture
def leases():
    return MemoryLeases()


@pytest.fixture
def executions():
    found = MemoryExecutions()
    for arn in (FIRST, SECOND):
        found.add(arn)
    return found


def ended(executions, arn, status="ABORTED"):
    executions.add(arn, status)


def acquire(leases, executions, operation_id, execution):
    return lease.acquire(leases, executions, BLUE, operation_id, execution, NOW.timestamp())


def task(operation):
    return Task(operation, BLUE)


def test_a_second_operation_is_told_who_holds_the_lease(leases, executions):
    acquire(leases, executions, "one", FIRST)
    with pytest.raises(LeaseHeldError, match="operation one"):
        acquire(leases, executions, "two", SECOND)


def test_a_retried_first_state_keeps_its_epoch(leases, executions):
    assert acquire(leases, executions, "one", FIRST) == acquire(leases, executions, "one", FIRST)


def test_an_aborted_holder_is_taken_over_and_its_late_tasks_stop(leases, executions):
    old = acquire(leases, executions, "one", FIRST)
    ended(executions, FIRST)
    new = acquire(leases, executions, "one", SECOND)
    assert new.epoch > old.epoch
    lease.assert_held(leases, task(new))
    with pytest.raises(LeaseLostError):
        lease.assert_held(leases, task(old))


def test_a_late_twin_cannot_release_its_successors_lease(leases, executions):
    old = acquire(leases, executions, "one", FIRST)
    ended(executions, FIRST)
    new = acquire(leases, executions, "two", SECOND)
    lease.release(leases, task(old))
    lease.assert_held(leases, task(new))


def test_a_released_lease_is_free_and_epochs_go_on_rising(leases, executions):
    old = acquire(leases, executions, "one", FIRST)
    lease.release(leases, task(old))
    assert acquire(leases, executions, "two", SECOND).epoch > old.epoch


def test_the_same_operation_in_two_running_executions_is_refused(leases, executions):
    acquire(leases, executions, "one", FIRST)
    with pytest.raises(LeaseHeldError):
        acquire(leases, executions, "one", SECOND)


def test_a_nested_execution_inherits_and_never_releases(leases, executions):
    parent = acquire(leases, executions, "one", FIRST)
    nested = lease.inherit(leases, executions, BLUE, Operation("one", parent.epoch, SECOND, FIRST))
    lease.release(leases, task(nested))
    lease.assert_held(leases, task(parent))


@pytest.mark.parametrize(
    "forged",
    [
        Operation("one", 99, SECOND, FIRST),
        Operation("other", 1, SECOND, FIRST),
        Operation("one", 1, SECOND, SECOND),
    ],
    ids=["another epoch", "another operation", "another parent"],
)
def test_an_operation_that_no_parent_gave_is_refused(leases, executions, forged):
    acquire(leases, executions, "one", FIRST)
    with pytest.raises(LeaseHeldError, match="leave `operation` out"):
        lease.inherit(leases, executions, BLUE, forged)


def test_a_parent_that_ended_hands_nothing_down(leases, executions):
    parent = acquire(leases, executions, "one", FIRST)
    ended(executions, FIRST, "FAILED")
    with pytest.raises(LeaseHeldError):
        lease.inherit(leases, executions, BLUE, Operation("one", parent.epoch, SECOND, FIRST))


def test_one_that_runs_keeps_its_lease_whatever_a_clock_says(leases, executions):
    """A fast clock, or a wait that nobody thought of, must not put two at work."""
    acquire(leases, executions, "one", FIRST)
    with pytest.raises(LeaseHeldError):
        lease.acquire(leases, executions, BLUE, "two", SECOND, NOW.timestamp() + 10 * lease.SECONDS)


def test_a_holder_that_nobody_knows_of_keeps_its_lease_to_the_end_and_some_more(leases, executions):
    acquire(leases, executions, "one", "arn:aws:states:us-east-2:123456789012:execution:lifeboat-recover:forgotten")
    late = NOW.timestamp() + lease.SECONDS
    with pytest.raises(LeaseHeldError):
        lease.acquire(leases, executions, BLUE, "two", SECOND, late + lease.SKEW)
    assert lease.acquire(leases, executions, BLUE, "two", SECOND, late + lease.SKEW + 1).epoch == 2


def test_a_holder_that_renews_while_it_is_looked_at_is_not_taken_over(leases, executions):
    old = acquire(leases, executions, "one", FIRST)
    ended(executions, FIRST)
    seen = leases.read(str(BLUE))
    leases.now += 1
    lease.assert_held(leases, task(old))
    assert leases.take(str(BLUE), "two", SECOND, 60, seen) is None


def move(operation, data=None):
    return Task(operation, BLUE, "mgmt-1", "mgmt-2", data=data or {})


def test_a_destination_is_claimed_once_and_by_the_holder_only(leases, executions):
    old = acquire(leases, executions, "one", FIRST)
    lease.claim(leases, move(old), "mgmt-2", instead_of="mgmt-1")
    with pytest.raises(RestoreFailedError, match="was claimed for mgmt-2, not for mgmt-3"):
        lease.claim(leases, move(old), "mgmt-3", instead_of="mgmt-1")
    ended(executions, FIRST)
    acquire(leases, executions, "one", SECOND)
    with pytest.raises(LeaseLostError):
        lease.claim(leases, move(old), "mgmt-2", instead_of="mgmt-1")


def test_what_was_claimed_is_neither_saved_nor_moved_nor_resumed_at_its_old_place(leases, executions):
    held = acquire(leases, executions, "one", FIRST)
    lease.claim(leases, move(held), "mgmt-2", instead_of="mgmt-1")
    lease.release(leases, task(held))
    given = {"hostedCluster": {"namespace": "clusters", "name": "blue"}, "source": "mgmt-1"}
    with pytest.raises(PreflightError, match="is run by mgmt-2"):
        acceptance.backup(event("second", given), REGISTRY, leases, executions, MemoryClock())
    data = {"operation": {"id": "two", "execution": SECOND}, "hostedCluster": given["hostedCluster"]}
    elsewhere = {**data, "source": "mgmt-1", "destination": "mgmt-3"}
    with pytest.raises(PreflightError, match="is run by mgmt-2"):
        acceptance.take_lease(elsewhere, leases, executions, MemoryClock())
    with pytest.raises(ResumeFailedError, match="mgmt-2 owns"):
        lease.is_way_forward_open(leases, Task(held, BLUE, "mgmt-1"))
    override = {**given, "source": "mgmt-2", "override": {"reason": "r", "approvedBy": "me"}}
    with pytest.raises(TeardownRefusedError, match="it is not torn down"):
        acceptance.teardown(event("second", override), REGISTRY, leases, executions, MemoryClock())
    assert leases.read(str(BLUE)).holder is None


def test_a_claim_without_a_hosted_cluster_is_ended_after_a_wait_and_another_look(leases, executions):
    held = acquire(leases, executions, "one", FIRST)
    lease.claim(leases, move(held), "mgmt-2", instead_of="mgmt-1")
    seen = {"pointOfNoReturn": {"destinationOwns": False}}
    assert lease.is_way_forward_open(leases, move(held, seen))
    assert lease.is_way_forward_open(leases, move(held, {"resumed": {"claimed": True}}))
    assert not lease.is_way_forward_open(leases, move(held, {**seen, "resumed": {"claimed": True}}))
    assert leases.read(str(BLUE)).owner == "mgmt-1"
    lease.claim(leases, move(held), "mgmt-2", instead_of="mgmt-1")


def event(name, given):
    return {
        "input": given,
        "execution": {"id": FIRST, "name": name, "startTime": "2026-11-03T10:00:00.123Z"},
    }


class Registry:
    """`ports.Registry`: of two management clusters."""

    def knows(self, name):
        return name in {"mgmt-1", "mgmt-2"}


REGISTRY = Registry()


@pytest.mark.parametrize(
    ("accept", "fields"),
    [
        (acceptance.backup, {"source": "mgmt-9"}),
        (acceptance.restore, {"destination": "mgmt-9", "backupId": "latest"}),
        (acceptance.teardown, {"source": "mgmt-9", "override": {"reason": "r", "approvedBy": "me"}}),
    ],
)
def test_a_management_cluster_that_is_not_registered_is_refused_before_the_lease(leases, executions, accept, fields):
    given = {"hostedCluster": {"namespace": "clusters", "name": "blue"}, **fields}
    with pytest.raises(PreflightError, match=r"nothing was changed: \w+: mgmt-9\. `lifeboat clusters add`"):
        accept(event("first", given), REGISTRY, leases, executions, MemoryClock())
    assert leases.read("clusters/blue") is None


def test_a_recovery_names_both_that_are_not_registered_before_anybody_is_asked():
    given = {"hostedCluster": {"namespace": "clusters", "name": "blue"}, "source": "mgmt-8", "destination": "mgmt-9"}
    with pytest.raises(PreflightError, match="source: mgmt-8; destination: mgmt-9"):
        acceptance.recover(event("first", given), REGISTRY)


def test_a_wrong_input_takes_no_lease(leases, executions):
    with pytest.raises(Exception, match="source"):
        acceptance.backup(
            event("first", {"hostedCluster": {"namespace": "c", "name": "b"}}), REGISTRY, leases, executions, None
        )
    assert leases.read("c/b") is None


def test_a_backup_without_parent_is_never_the_first_half_of_a_move(leases, executions):
    given = {"hostedCluster": {"namespace": "clusters", "name": "blue"}, "source": "mgmt-1", "kind": "quiesced"}
    data = acceptance.backup(event("first", given), REGISTRY, leases, executions, MemoryClock())
    assert data["firstHalfOfMove"] is False
    assert data["operation"] == {"id": "first", "epoch": 1, "execution": FIRST}
    assert data["startedAt"] == "2026-11-03T10:00:00+00:00"
