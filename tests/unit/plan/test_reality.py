"""What a plan tells is what happens: the machines' files and the functions' handlers write exactly that, in order."""

from __future__ import annotations

from unittest import mock

import pytest

from lifeboat import runtime
from tests.unit.builders import blue
from tests.unit.plan.moving import Moving
from tests.unit.plan.recorded import as_planned
from tests.unit.plan.shapes import a_random_move

MANY, FEW = 100, 20


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    """Handlers log two lines per call."""
    monkeypatch.setattr(runtime, "logger", mock.MagicMock())


@pytest.mark.parametrize(
    "seed", [each if each < FEW else pytest.param(each, marks=pytest.mark.full) for each in range(MANY)]
)
def test_a_move_writes_what_was_planned(seed):
    moving = a_random_move(seed)
    plan = moving.plan()
    assert not plan.blocking
    run = moving.run()
    assert run.end == "RecoverComplete", run.cause
    assert as_planned(moving.log.writes) == as_planned([each for each in plan.writes if each.when is None])


def test_planning_writes_nothing():
    moving = Moving(blue())
    before = moving.source.objects(), moving.destination.objects(), dict(moving.store.objects), list(moving.dns.held)
    moving.plan()
    assert moving.log.writes == []
    assert moving.etcd.staged == {}
    after = moving.source.objects(), moving.destination.objects(), dict(moving.store.objects), list(moving.dns.held)
    assert after == before


def test_an_etcd_that_is_written_to_while_it_is_planned_for_hinders_no_plan():
    """Its writers are stopped in the rehearsal alone: every look tells a later revision."""
    moving = Moving(blue())

    def lives_on(*given):
        moving.etcd.revision += 3
        return moving.etcd(*given)

    moving.source.exec_handler = lives_on
    plan = moving.plan()
    assert not plan.problems
    assert plan.writes[-1].step == "recover: ReleaseLease"


def test_the_same_question_is_asked_of_a_pod_once():
    moving, asked = Moving(blue()), []

    def listening(namespace, pod, container, command, stdin):
        asked.append((pod, *command[5:]))
        return moving.etcd(namespace, pod, container, command, stdin)

    moving.source.exec_handler = listening
    moving.plan()
    assert asked
    assert len(asked) == len(set(asked))


def test_where_external_dns_does_nothing_the_names_go_as_was_planned_for_that():
    moving = Moving(blue(), withdraws=False)
    plan = moving.plan()
    run = moving.run()
    assert run.end == "RecoverComplete", run.cause
    happened = [each for each in moving.log.writes if each.step == "recover: ForceDnsCleanUp"]
    maybe = [each for each in plan.writes if each.step == "recover: CheckDnsGone"]
    assert [(each.on, each.verb, each.name) for each in happened] == [(each.on, each.verb, each.name) for each in maybe]
    assert {each.when for each in maybe} == {"the source's ExternalDNS does not withdraw the names in time"}


def test_what_the_garbage_collector_takes_is_planned_and_not_ours_to_delete():
    """It is quicker than we are for some of what an owner leaves behind; nothing else is missing, or more."""
    moving = Moving(blue(), collects_garbage=True)
    planned = as_planned([each for each in moving.plan().writes if each.when is None])
    assert moving.run().end == "RecoverComplete"
    happened = as_planned(moving.log.writes)
    taken = [each for each in planned if each not in happened]
    assert [each for each in planned if each in happened] == happened
    assert taken
    kinds = {"MachineSet", "Machine", "AWSMachine", "AWSMachineTemplate", "AWSCluster", "HostedControlPlane"}
    assert {each.split(" ")[4] for each in taken} <= kinds
    assert all("DeleteObjects|" in each for each in taken)
