"""Inputs: every field checked, unknown ones refused, all problems told in one line."""

import pytest

from lifeboat import requests
from lifeboat.errors import InvalidInputError

BLUE = {"namespace": "clusters", "name": "blue"}
EXECUTION = "arn:aws:states:us-east-2:123456789012:execution:lifeboat-recover:r1"


def test_a_minimal_backup_is_online():
    request = requests.backup({"hostedCluster": BLUE, "source": "mgmt-1"})
    assert request.extra == {"source": "mgmt-1", "kind": "online"}
    assert request.operation_id is None


def test_recover_asks_for_approval_unless_told_otherwise():
    request = requests.recover({"hostedCluster": BLUE, "source": "mgmt-1", "destination": "mgmt-2"})
    assert request.extra["approval"] == "required"
    assert request.extra["onConflict"] == "fail"


def test_recover_may_be_held_to_a_plan_that_somebody_read():
    given = {"hostedCluster": BLUE, "source": "mgmt-1", "destination": "mgmt-2"}
    assert "planDigest" not in requests.recover(given).extra
    assert requests.recover({**given, "planDigest": "ab" * 32}).extra["planDigest"] == "ab" * 32
    with pytest.raises(InvalidInputError, match="planDigest: not the digest of a plan"):
        requests.recover({**given, "planDigest": "abc"})


def test_the_consoles_link_to_a_parent_is_no_unknown_field():
    requests.backup({"hostedCluster": BLUE, "source": "mgmt-1", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "x"})


def test_all_problems_are_told_at_once_in_one_line():
    with pytest.raises(InvalidInputError) as refused:
        requests.backup({"hostedCluster": {"name": "blue"}, "kind": "offline", "sauce": "mgmt-1"})
    told = str(refused.value)
    assert "\n" not in told
    for field in ("hostedCluster:", "kind:", "source: missing", "sauce: unknown field"):
        assert field in told


@pytest.mark.parametrize(
    ("machine", "given", "told"),
    [
        ("backup", [], "not a JSON object"),
        ("backup", {"hostedCluster": {**BLUE, "x": 1}, "source": "m"}, "hostedCluster"),
        ("backup", {"hostedCluster": {"namespace": "A", "name": "b"}, "source": "m"}, "namespace"),
        ("backup", {"hostedCluster": {"namespace": "a", "name": "B_"}, "source": "m"}, "name is not"),
        ("backup", {"hostedCluster": BLUE, "source": "../etc"}, "source"),
        ("backup", {"hostedCluster": BLUE, "source": 7}, "source"),
        ("backup", {"hostedCluster": BLUE, "source": "m", "operationId": "Has Spaces"}, "operationId"),
        ("backup", {"hostedCluster": BLUE, "source": "m", "operationId": "a" * 65}, "operationId"),
        ("backup", {"hostedCluster": BLUE, "source": "m", "operation": {"id": "x"}}, "parent execution only"),
        (
            "backup",
            {
                "hostedCluster": BLUE,
                "source": "m",
                "operation": {"id": "x", "epoch": True, "parentExecution": EXECUTION},
            },
            "parent execution only",
        ),
        (
            "backup",
            {
                "hostedCluster": BLUE,
                "source": "m",
                "operationId": "y",
                "operation": {"id": "x", "epoch": 1, "parentExecution": EXECUTION},
            },
            "differs",
        ),
        ("restore", {"hostedCluster": BLUE, "destination": "m"}, "backupId: missing"),
        ("restore", {"hostedCluster": BLUE, "destination": "m", "backupId": "newest"}, "latest"),
        (
            "restore",
            {"hostedCluster": BLUE, "destination": "m", "backupId": "latest", "etcdRestore": "snapshot"},
            "not one of volumes, snapshotUrl",
        ),
        ("teardown", {"hostedCluster": BLUE, "source": "m"}, "either restoreExecution"),
        (
            "teardown",
            {"hostedCluster": BLUE, "source": "m", "override": {"reason": " ", "approvedBy": "me"}},
            "override",
        ),
        (
            "teardown",
            {
                "hostedCluster": BLUE,
                "source": "m",
                "restoreExecution": EXECUTION,
                "override": {"reason": "r", "approvedBy": "me"},
            },
            "either",
        ),
        ("recover", {"hostedCluster": BLUE, "source": "m", "destination": "m"}, "is the source"),
        ("recover", {"hostedCluster": BLUE, "source": "m", "destination": "n", "approval": "maybe"}, "approval"),
        ("recover", {"hostedCluster": BLUE, "source": "m", "destination": "n", "onConflict": "push"}, "fail, wait"),
        (
            "recover",
            {"hostedCluster": BLUE, "source": "m", "destination": "n", "unreachableSource": {}},
            "data-loss",
        ),
    ],
)
def test_wrong_input_is_refused_with_the_field_that_is_wrong(machine, given, told):
    with pytest.raises(InvalidInputError, match=told):
        getattr(requests, machine)(given)


LOSS = {"accept": "data-loss", "reason": "the API died"}


@pytest.mark.parametrize(
    "wrong",
    [True, {**LOSS, "accept": True}, {**LOSS, "accept": "dataloss"}, {**LOSS, "reason": " "}, {**LOSS, "by": "me"}],
)
def test_an_unreachable_source_is_accepted_in_these_very_words_only(wrong):
    given = {"hostedCluster": BLUE, "source": "m", "destination": "n"}
    assert requests.recover({**given, "unreachableSource": LOSS}).extra["unreachableSource"] == LOSS
    assert "unreachableSource" not in requests.recover(given).extra
    with pytest.raises(InvalidInputError, match=r"unreachableSource: not .*data-loss"):
        requests.recover({**given, "unreachableSource": wrong})


def test_only_a_parent_may_have_a_destination_prepared():
    given = {"hostedCluster": BLUE, "destination": "m", "backupId": "latest", "prepareOnly": True}
    with pytest.raises(InvalidInputError, match="prepareOnly: is given by a parent"):
        requests.restore(given)
    inherited = {"id": "x", "epoch": 1, "parentExecution": EXECUTION}
    assert requests.restore({**given, "operation": inherited}).extra["prepareOnly"] is True
    with pytest.raises(InvalidInputError, match="prepareOnly"):
        requests.restore({**given, "prepareOnly": False, "operation": inherited})


def test_an_execution_name_that_cannot_be_an_operation_id_asks_for_one():
    with pytest.raises(InvalidInputError, match="give operationId"):
        requests.check_operation_id("My_Run")
