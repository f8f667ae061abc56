"""A plan that people have read, and a recovery that begins a day later."""

from __future__ import annotations

from unittest import mock

import pytest

from lifeboat import runtime
from lifeboat.errors import PlanOutdatedError, PreflightError
from lifeboat.layout import ClusterLayout
from lifeboat.model import Task
from lifeboat.plan import keeping
from lifeboat.plan.plans import differences
from lifeboat.resources import AWS_MACHINES, MACHINES, NODE_POOLS, SECRETS
from tests.unit.builders import a_secret, blue
from tests.unit.plan.moving import ARN, Moving, cut_off

INNER = "clusters-blue"


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setattr(runtime, "logger", mock.MagicMock())


@pytest.fixture
def moving():
    return Moving(blue(), plans=True)


def task(moving, **data):
    operation = {"id": moving.operation, "epoch": 1, "execution": f"{ARN}-recover:{moving.operation}"}
    told = {"operation": operation, "startedAt": moving.clock.now().isoformat(), "etcdRestore": "volumes"}
    return Task.from_event({**moving.given, **told, **data})


def made(moving, **data):
    return keeping.make(moving.live, moving.store, task(moving, **data))


def checked(moving, plan):
    return keeping.check(moving.live, task(moving, plan=plan))


def test_a_plan_says_the_same_for_whoever_asks_and_whenever(moving):
    first = moving.plan()
    moving.clock.pass_by(3600)
    moving.operation = "another-one"
    assert moving.plan().digest == first.digest


def test_a_recovery_keeps_its_plan_and_holds_itself_against_it(moving):
    digest = moving.plan().digest
    run = moving.run()
    assert run.end == "RecoverComplete", run.cause
    layout = ClusterLayout(moving.builder.ref, moving.builder.infra_id)
    assert layout.operation("op-1", f"plan-{digest[:12]}.json") in moving.store.objects


def test_what_nobody_changed_is_found_unchanged(moving):
    assert checked(moving, made(moving)) == {"compared": True, "digest": moving.plan().digest}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda m: m.source.patch(NODE_POOLS, "clusters", "workers-a", {"spec": {"pausedUntil": "true"}}),
            "- NodePool workers-a: pausedUntil None",
        ),
        (lambda m: m.source.add(a_secret("new-one", INNER)), "+ mgmt-2: create Secret clusters-blue/new-one"),
        (lambda m: m.source.remove("Secret", INNER, "root-ca"), "- mgmt-2: create Secret clusters-blue/root-ca"),
    ],
)
def test_drift_is_refused_and_named(moving, change, told):
    plan = made(moving)
    change(moving)
    with pytest.raises((PlanOutdatedError, PreflightError)) as refused:
        checked(moving, plan)
    if told.startswith("-") and "root-ca" in told:
        assert "root-ca" in str(refused.value)
    else:
        assert told in str(refused.value)
    assert "nothing was changed" in str(refused.value)


@pytest.mark.parametrize("name", ["token-workers-a-77", "user-data-workers-a-77"])
def test_what_comes_and_goes_by_itself_is_told_and_not_compared(moving, name):
    before = moving.plan()
    moving.source.add(a_secret(name, INNER))
    _one_more_machine(moving)
    after = moving.plan()
    assert after.digest == before.digest
    assert differences(before, after) == []
    assert [each.line for each in after.writes] != [each.line for each in before.writes]


def _one_more_machine(moving):
    """As an autoscaler adds it."""
    machine = moving.source.get(MACHINES, INNER, "workers-a-abc-0")
    machine["metadata"] |= {"name": "workers-a-abc-9", "uid": "machine-9"}
    machine["spec"]["providerID"] = "aws:///us-east-2a/i-9"
    machine["spec"]["infrastructureRef"]["name"] = "workers-a-abc-9"
    infra = moving.source.get(AWS_MACHINES, INNER, "workers-a-abc-0")
    owner = {**infra["metadata"]["ownerReferences"][0], "name": "workers-a-abc-9", "uid": "machine-9"}
    infra["metadata"] |= {"name": "workers-a-abc-9", "uid": "infra-9", "ownerReferences": [owner]}
    infra["spec"] |= {"providerID": "aws:///us-east-2a/i-9", "instanceID": "i-9"}
    moving.source.add(machine, infra)
    moving.instances.states[moving.builder.infra_id]["i-9"] = "running"


def test_a_digest_that_somebody_read_is_what_is_done_or_nothing(moving):
    digest = moving.plan().digest
    assert made(moving, planDigest=digest)["digest"] == digest
    with pytest.raises(PlanOutdatedError, match="planDigest 0000"):
        made(moving, planDigest="0" * 64)


def test_a_digest_of_a_plan_that_was_read_names_what_differs(moving):
    read = keeping.tell(moving.live, moving.store, task(moving), "recover")
    moving.source.add(a_secret("new-one", INNER))
    with pytest.raises(PlanOutdatedError, match=r"\+ mgmt-2: create Secret clusters-blue/new-one"):
        made(moving, planDigest=read["digest"])


def test_a_second_start_is_not_refused_for_what_the_first_one_did(moving):
    """Cut off with its source at rest: it would find other writes to make, and an own pause."""
    run = cut_off(moving, "CleanUpDns")
    assert run.end == "RecoverFailed"
    moving.clock.pass_by(60)
    assert keeping.has_begun(moving.store, moving.builder.ref, "op-1")
    assert made(moving) == {"begun": True}
    second = moving.run(name="op-1-again", given={**moving.given, "operationId": "op-1"})
    assert second.end == "RecoverComplete", second.cause


def test_another_operations_records_do_not_count_as_begun(moving):
    assert moving.run().end == "RecoverComplete"
    assert not keeping.has_begun(moving.store, moving.builder.ref, "op-2")


def test_a_plan_alone_does_not_count_as_begun(moving):
    made(moving)
    assert not keeping.has_begun(moving.store, moving.builder.ref, "op-1")


def test_no_secret_stands_in_a_plan(moving):
    text = str(moving.plan().to_json())
    for secret in moving.source.objects("Secret"):
        assert all(value not in text for value in (secret.get("data") or {}).values())
    assert moving.source.list_objects(SECRETS)
