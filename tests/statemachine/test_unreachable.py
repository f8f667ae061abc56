"""`recover` without its source: what comes before what, and which way back it has."""

from __future__ import annotations

from typing import Any

import pytest

from tests.statemachine import test_restore
from tests.statemachine.test_recover import ACCEPTED, ARN, BROKEN, DONE, OWNS, WAITING, nested, recover
from tests.statemachine.walker import Failure, Run

LOSS = {"accept": "data-loss", "reason": "its API died"}
BACKUP = {"backupId": "b", "infraId": "blue-x7k2p", "recordSha256": "ab", "revision": 4711, "ageSeconds": 600}
SILENCE = [{"done": False, "looks": 1}, {"done": True, "looks": 2}]


def unreachable(**answers: Any) -> Run:
    well = {
        "AcceptRecover": {**ACCEPTED, "unreachableSource": LOSS},
        "LookForSource": SILENCE,
        "ChooseBackup": BACKUP,
        "PinBackup": {**BACKUP, "pinned": True},
        "PrepareDestination": nested("restore", {"backupId": "b", "revisions": {}}),
        "CutSource": {"records": 8},
        "CheckCut": [WAITING, DONE],
        "FenceUnreachableSource": {"key": "k", "observedAt": "t"},
        "PutBackCut": [WAITING, {**DONE, "wasCut": True}],
        "AbandonDestination": [
            {**WAITING, "handedOver": False, "claimed": True},
            {**WAITING, "handedOver": False, "claimed": False},
            {**DONE, "handedOver": False, "claimed": False},
        ],
    }
    return recover(**{**well, **answers})


def test_everything_that_can_fail_comes_before_the_cut():
    run = unreachable()
    assert run.end == "RecoverComplete"
    works = [each for each in run.states if each in run.inputs]
    assert [each for each in works if each not in {"VerifyRestored", "RenewGuestNetwork"}] == [
        "AcceptRecover",
        "LookForSource",
        "LookForSource",
        "ChooseBackup",
        "AskForApproval",
        "TakeLease",
        "CheckPointOfNoReturn",
        "PinBackup",
        "PrepareDestination",
        "CutSource",
        "CheckCut",
        "CheckCut",
        "FenceUnreachableSource",
        "RunRestore",
        "WriteReport",
        "ReleaseLease",
    ]


def test_people_are_asked_whatever_the_input_says_of_approvals():
    assert ACCEPTED["approval"] == "none"
    assert "AskForApproval" in unreachable().states


def test_the_destination_is_prepared_from_the_pinned_backup_and_no_further():
    run = unreachable()
    given = run.inputs["PrepareDestination"]
    assert given["Name"].endswith("-prepare")
    assert (given["Input"]["backupId"], given["Input"]["prepareOnly"]) == ("b", True)
    assert given["Input"]["operation"] == {"id": "op-1", "epoch": 3, "parentExecution": "<$$.Execution.Id>"}
    assert "prepareOnly" not in run.inputs["RunRestore"]["Input"]


@pytest.mark.parametrize("state", ["LookForSource", "ChooseBackup", "AskForApproval"])
def test_a_source_that_answers_or_cannot_be_cut_ends_it_before_anything(state):
    run = unreachable(**{state: Failure("PreflightError", "mgmt-1 answers")})
    assert run.end == "RecoverRefused"
    assert "TakeLease" not in run.states


@pytest.mark.parametrize(
    "state", ["PinBackup", "PrepareDestination", "CutSource", "CheckCut", "FenceUnreachableSource", "RunRestore"]
)
def test_a_failure_before_the_destination_owns_it_puts_back_what_was_cut(state):
    run = unreachable(**{state: BROKEN})
    assert run.states.index("LookWhoOwnsIt") < run.states.index("AbandonDestination") < run.states.index("PutBackCut")
    assert run.states[: run.states.index("PutBackCut")].count("AbandonDestination") == 2  # not while it is claimed
    assert "ResumeSource" not in run.states
    assert run.states[-5:] == [
        "IsDestinationAbandoned",
        "CutIsPutBack",
        "ExplainFailure",
        "ReleaseLeaseAfterFailure",
        "RecoverFailed",
    ]
    assert "was put back" in run.cause


def test_where_nothing_was_cut_nothing_is_said_to_be_put_back():
    run = unreachable(PinBackup=BROKEN, PutBackCut={**DONE, "wasCut": False})
    assert "nothing was changed" in run.cause


def test_a_source_that_cannot_be_put_back_is_told_with_what_is_missing():
    run = unreachable(CutSource=BROKEN, PutBackCut=Failure("ResumeFailedError", "lb-1:443 to answer"))
    assert run.states[-4:] == ["PutBackHasFailed", "ExplainFailure", "ReleaseLeaseAfterFailure", "RecoverFailed"]
    assert "lb-1:443 to answer" in run.cause
    assert "cut-01.json" in run.cause


def test_a_hosted_cluster_that_comes_late_ends_the_way_back():
    late = {**DONE, "handedOver": True, "claimed": True}
    run = unreachable(RunRestore=BROKEN, AbandonDestination=[{**WAITING, "handedOver": False, "claimed": True}, late])
    assert "PutBackCut" not in run.states
    assert "never resume the source" in run.cause


def test_nothing_is_put_back_once_the_destination_owns_it():
    run = unreachable(RunRestore=BROKEN, LookWhoOwnsIt=OWNS)
    assert "PutBackCut" not in run.states
    assert "never resume the source" in run.cause


def test_a_late_twin_leaves_everything_to_its_successor():
    run = unreachable(CutSource=Failure("LeaseLostError", "epoch 4"))
    assert "PutBackCut" not in run.states
    assert "Superseded" in run.states


def test_a_second_start_behind_the_point_of_no_return_goes_on_without_looking_or_cutting():
    run = unreachable(LookForSource={"done": True, "looks": 0}, CheckPointOfNoReturn=OWNS)
    assert not {"PinBackup", "PrepareDestination", "CutSource", "RunTeardown"}.intersection(run.states)
    assert run.inputs["RunRestore"]["Input"]["backupId"] == "b"
    assert run.end == "RecoverComplete"
    assert run.data["restoreExecution"] == f"{ARN}-restore:x"


def test_a_preparation_makes_everything_but_the_hosted_cluster():
    run = test_restore.restore(
        AcceptRestore={**test_restore.ACCEPTED, "prepareOnly": True},
        CheckEtcdRestore={**test_restore.DONE, "lost": False, "revisions": {"etcd-0": [6, 1_000_000_006]}},
    )
    assert run.data["revisions"] == {"etcd-0": [6, 1_000_000_006]}
    assert "RemoveEtcdHelpers" in run.states
    assert run.states[-4:] == ["ReleaseLease", "HasRestoreFailed", "TellPreparation", "RestoreComplete"]
    assert not {"RenewDnsController", "CreateHostedCluster"}.intersection(run.states)


def test_a_preparation_beside_a_hosted_cluster_that_is_there_fails_without_touching_it():
    run = test_restore.restore(
        AcceptRestore={**test_restore.ACCEPTED, "prepareOnly": True}, PreflightDestination={"handedOver": True}
    )
    assert run.end == "RestoreFailed"
    assert not {"CreateNamespaces", "CreateHostedCluster", "AbandonDestination"}.intersection(run.states)
