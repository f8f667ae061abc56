import dataclasses
from types import SimpleNamespace

import pytest

from functions.check_point_of_no_return import app
from lifeboat import handover
from lifeboat.errors import ApiUnavailableError, NotStoppedError, PreflightError
from tests.unit.a_move import FirstHalf
from tests.unit.builders import a_management_cluster
from tests.unit.memory import MemoryExecutions


def look(half, destination, executions=None):
    return handover.look(
        half.cluster, destination, half.store, half.signer, executions or MemoryExecutions(), half.task()
    )


def test_an_empty_destination_owns_nothing():
    assert look(FirstHalf().fenced(), a_management_cluster("mgmt-2")) == {"destinationOwns": False}


def test_a_second_start_goes_on_with_the_backup_of_the_first():
    """Else it would take the destination's names for the source's, and resume a source that has been left."""
    half = FirstHalf().fenced()
    destination = a_management_cluster("mgmt-2")
    destination.add(half.hosted.hosted_cluster())
    found = look(half, destination)
    assert found["destinationOwns"]
    assert found["backup"] == {each: half.data["backup"][each] for each in ("backupId", "infraId", "recordSha256")}
    assert found["fence"]["key"].endswith("fence.json")


def test_somebody_elses_hosted_cluster_at_the_destination_is_refused():
    half = FirstHalf()
    destination = a_management_cluster("mgmt-2")
    destination.add(half.hosted.hosted_cluster())
    with pytest.raises(PreflightError, match="did not bring"):
        look(half, destination)


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_a_restore_that_has_ended_is_believed(status):
    half, executions = FirstHalf().fenced(), MemoryExecutions()
    executions.add(handover.nested_restore(half.task().operation.execution), status)
    assert look(half, a_management_cluster("mgmt-2"), executions) == {"destinationOwns": False}


def test_while_the_restore_runs_nobody_knows_who_owns_it():
    """It may create the HostedCluster right after the look, beside a source that was just resumed."""
    half, executions = FirstHalf().fenced(), MemoryExecutions()
    executions.add(handover.nested_restore(half.task().operation.execution))
    with pytest.raises(NotStoppedError, match="still runs"):
        look(half, a_management_cluster("mgmt-2"), executions)


def test_the_nested_restore_is_named_after_its_recovery():
    arn = "arn:aws:states:us-east-2:123456789012:execution:lifeboat-{}:{}"
    assert handover.nested_restore(arn.format("recover", "one")) == arn.format("restore", "one-restore")


def test_after_a_failure_the_source_is_not_asked(monkeypatch):
    """It may be away for a while: then it is resumed later, instead of never."""
    half = FirstHalf().fenced()
    asked = []

    def source(task):
        asked.append(task)
        raise ApiUnavailableError("mgmt-1 does not answer")

    services = SimpleNamespace(
        source=source,
        destination=lambda _: a_management_cluster("mgmt-2"),
        store=half.store,
        signer=half.signer,
        executions=MemoryExecutions(),
    )
    monkeypatch.setattr(app, "services", services)
    handler = app.handler.__wrapped__
    assert handler(half.task()) == {"destinationOwns": False}
    assert asked == []
    with pytest.raises(ApiUnavailableError):
        handler(dataclasses.replace(half.task(), parameters={"beforeAnything": True}))
