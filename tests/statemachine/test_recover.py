"""`recover` as a procedure: what it does in which order, and which way it takes when something fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lifeboat import failure
from tests.statemachine.walker import Failure, Run, walk

ARN = "arn:aws:states:us-east-2:123456789012:execution:lifeboat"
GIVEN = {"hostedCluster": {"namespace": "clusters", "name": "blue"}, "source": "mgmt-1", "destination": "mgmt-2"}
ACCEPTED = {
    **GIVEN,
    "operation": {"id": "op-1", "epoch": 0, "execution": f"{ARN}-recover:op-1"},
    "approval": "none",
    "etcdRestore": "volumes",
    "startedAt": "2026-11-03T10:00:00+00:00",
}
BACKUP = {"backupId": "b", "infraId": "blue-x7k2p", "recordSha256": "ab", "revision": 4711, "kind": "quiesced"}
DONE = {"done": True, "waitingFor": ""}
WAITING = {"done": False, "waitingFor": "a pod"}
OWNS = {"destinationOwns": True, "backup": BACKUP, "fence": {"key": "k", "observedAt": "t"}}
BROKEN = Failure("ObjectRefusedError", "refused")


def nested(kind: str, output: dict[str, Any]) -> dict[str, Any]:
    return {"ExecutionArn": f"{ARN}-{kind}:x", "StartDate": 1, "StopDate": 2, "Status": "SUCCEEDED", "Output": output}


def recover(**answers: Any) -> Run:
    """Everything goes well but for what is given."""
    well = {
        "AcceptRecover": ACCEPTED,
        "MakePlan": {"begun": False, "digest": "d"},
        "CheckPlan": {"compared": True},
        "AskForApproval": {"by": "somebody"},
        "TakeLease": {**ACCEPTED["operation"], "epoch": 3},
        "CheckPointOfNoReturn": {"destinationOwns": False},
        "RunBackup": nested("backup", BACKUP),
        "CleanUpDns": {"routes": 4},
        "CheckDnsGone": [WAITING, DONE],
        "ForceDnsCleanUp": {"deleted": []},
        "CheckDnsDeleted": DONE,
        "FenceSource": {"key": "k", "observedAt": "t"},
        "RunRestore": nested("restore", {"hostedClusterUid": "u", "destination": "mgmt-2"}),
        "VerifyRestored": [WAITING, DONE],
        "RenewGuestNetwork": [WAITING, WAITING, DONE],
        "RunTeardown": nested("teardown", {"deleted": {"nodepools": 2}}),
        "WriteReport": {"key": "report.json"},
        "ReleaseLease": {"released": True},
        "LookWhoOwnsIt": {"destinationOwns": False},
        "ResumeSource": {"touched": True, "resumed": True},
        "CheckSourceServing": [WAITING, DONE],
        "RestoreSourceAutoRepair": {"autoRepair": []},
        "ExplainFailure": failure.explain,
        "ReleaseLeaseAfterFailure": {"released": True},
    }
    return walk("recover", GIVEN, {**well, **answers})


def test_the_procedure():
    run = recover()
    assert run.tasks == [
        "AcceptRecover",
        "IsSourceSaidToBeUnreachable",
        "MakePlan",
        "NeedsApproval",
        "TakeLease",
        "CheckPointOfNoReturn",
        "DoesDestinationOwnIt",
        "IsSourceUnreachable",
        "CheckPlan",
        "RunBackup",
        "CleanUpDns",
        "CheckDnsGone",
        "AreNamesGone",
        "WaitForExternalDns",
        "FenceSource",
        "RunRestore",
        "VerifyRestored",
        "IsVerified",
        "WaitForDestination",
        "RenewGuestNetwork",
        "IsGuestNetworkRenewed",
        "WaitForNode",
        "CanSourceBeTornDown",
        "RunTeardown",
        "WriteReport",
        "ReleaseLease",
        "SumUp",
        "RecoverComplete",
    ]
    assert run.data["backupId"] == "b"
    assert run.data["restoreExecution"] == f"{ARN}-restore:x"
    assert (run.data["infraId"], run.data["destination"]) == ("blue-x7k2p", "mgmt-2")


def test_nested_executions_inherit_the_lease():
    run = recover()
    for state in ("RunBackup", "RunRestore", "RunTeardown"):
        given = run.inputs[state]["Input"]
        assert given["operation"] == {"id": "op-1", "epoch": 3, "parentExecution": "<$$.Execution.Id>"}
        assert given["operationId"] == "op-1"
    assert run.inputs["RunBackup"]["Input"]["kind"] == "quiesced"
    assert run.inputs["RunRestore"]["Input"]["backupId"] == "b"
    assert run.inputs["RunTeardown"]["Input"]["restoreExecution"] == f"{ARN}-restore:x"


HELD = Failure("LeaseHeldError", "operation other")


def test_a_lease_that_is_held_is_tried_again_once_its_holder_is_met():
    taken = {**ACCEPTED["operation"], "epoch": 3}
    run = recover(TakeLease=[HELD, HELD, taken], MeetConflict={"wait": 2, "stopped": None, "attempt": 1})
    assert run.end == "RecoverComplete"
    assert run.states.count("MeetConflict") == run.states.count("WaitForHolder") == 2


def test_a_holder_that_is_not_to_be_waited_for_refuses_and_nothing_is_changed():
    run = recover(TakeLease=HELD, MeetConflict=HELD)
    assert run.states[-3:] == ["MeetConflict", "IsCauseADocument", "RecoverRefused"]
    assert run.error == "LeaseHeldError"


def test_a_source_is_not_resumed_while_a_claimed_destination_may_still_come_up():
    """Its creation may be on its way from a start that is gone: waited for, looked at, then the claim is ended."""
    resumed = {"touched": True, "resumed": True}
    run = recover(FenceSource=Failure("FenceUnprovenError"), ResumeSource=[{"touched": True, "claimed": True}, resumed])
    first = run.states.index("WaitForLateCreation")
    behind = run.states[first + 1 :]
    assert behind[:2] == ["LookWhoOwnsIt", "DoesDestinationOwnItNow"]
    assert behind.index("ResumeSource") < behind.index("CheckSourceServing")
    there = recover(
        FenceSource=Failure("FenceUnprovenError"),
        ResumeSource={"touched": True, "claimed": True},
        LookWhoOwnsIt=[{"destinationOwns": False}, {"destinationOwns": True}],
    )
    assert there.states.count("ResumeSource") == 1
    assert "DestinationOwnsIt" in there.states


def test_an_approval_is_waited_for_without_a_lease():
    run = recover(AcceptRecover={**ACCEPTED, "approval": "required"})
    assert run.states.index("AskForApproval") < run.states.index("TakeLease")
    assert run.inputs["AskForApproval"]["Payload"]["token"] == "<$$.Task.Token>"
    assert run.end == "RecoverComplete"


@pytest.mark.parametrize("answer", [Failure("ApprovalRejected", "no"), Failure("States.Timeout", "")])
def test_without_approval_nothing_is_changed(answer):
    run = recover(AcceptRecover={**ACCEPTED, "approval": "required"}, AskForApproval=answer)
    assert run.states[-3:] == ["AskForApproval", "IsCauseADocument", "RecoverRefused"]
    assert "TakeLease" not in run.states
    assert run.error == answer.error


def test_a_plan_that_cannot_be_made_refuses_before_anybody_is_asked():
    run = recover(AcceptRecover={**ACCEPTED, "approval": "required"}, MakePlan=Failure("PreflightError", "unfit"))
    assert run.end == "RecoverRefused"
    assert not {"AskForApproval", "TakeLease"} & set(run.states)


def test_what_is_no_longer_as_planned_is_refused_under_the_lease_and_nothing_is_changed():
    drift = Failure("PlanOutdatedError", "- mgmt-1: patch NodePool clusters/workers-a")
    run = recover(CheckPlan=drift, ResumeSource={"touched": False})
    assert run.states.index("TakeLease") < run.states.index("CheckPlan")
    assert not {"RunBackup", "CheckSourceServing"} & set(run.states)
    assert run.states[-4:] == ["SourceIsUntouched", "ExplainFailure", "ReleaseLeaseAfterFailure", "RecoverFailed"]
    assert (run.error, "nothing was changed" in run.cause) == ("PlanOutdatedError", True)


def test_a_second_start_behind_the_point_of_no_return_is_not_held_against_a_plan():
    run = recover(MakePlan={"begun": True}, CheckPointOfNoReturn=OWNS)
    assert "CheckPlan" not in run.states
    assert run.end == "RecoverComplete"


def test_names_that_stay_are_deleted_in_route53():
    run = recover(CheckDnsGone=Failure("NotStoppedError"))
    assert run.tasks.index("ForceDnsCleanUp") < run.tasks.index("CheckDnsDeleted") < run.tasks.index("FenceSource")
    assert run.end == "RecoverComplete"


@pytest.mark.parametrize("state", ["RunBackup", "CleanUpDns", "CheckDnsGone", "FenceSource", "RunRestore"])
def test_a_failure_before_the_destination_owns_it_resumes_the_source(state):
    run = recover(**{state: BROKEN})
    assert run.states[-10:] == [
        "CheckSourceServing",
        "IsSourceServing",
        "WaitForSource",
        "CheckSourceServing",
        "IsSourceServing",
        "RestoreSourceAutoRepair",
        "SourceIsResumed",
        "ExplainFailure",
        "ReleaseLeaseAfterFailure",
        "RecoverFailed",
    ]
    assert "ResumeSource" in run.states
    assert "RunTeardown" not in run.states
    assert run.error == "ObjectRefusedError"
    assert "the source runs as it did" in run.cause


@pytest.mark.parametrize("state", ["ForceDnsCleanUp", "CheckDnsDeleted"])
def test_names_that_cannot_be_deleted_resume_the_source(state):
    run = recover(CheckDnsGone=Failure("NotStoppedError"), **{state: BROKEN})
    assert "ResumeSource" in run.states
    assert run.end == "RecoverFailed"


def test_a_restore_that_fails_late_never_resumes_the_source():
    run = recover(RunRestore=BROKEN, LookWhoOwnsIt=OWNS)
    assert "ResumeSource" not in run.states
    assert "the destination owns the hosted cluster: never resume the source" in run.cause


ENDED = json.dumps({"ExecutionArn": "arn", "Status": "FAILED", "Error": "ObjectRefusedError"}, separators=(",", ":"))


@pytest.mark.parametrize("cause", [ENDED, ENDED.replace(":", ": ")], ids=["narrow", "wide"])
def test_a_restore_that_failed_by_itself_has_waited_for_its_own_late_requests(cause):
    run = recover(RunRestore=Failure("States.TaskFailed", cause))
    assert "WaitForLateAnswer" not in run.states
    assert "ResumeSource" in run.states


@pytest.mark.parametrize(
    "end",
    [
        Failure("States.Timeout", ""),
        Failure("States.TaskFailed", ENDED.replace("FAILED", "TIMED_OUT")),
        Failure("States.TaskFailed", ENDED.replace("FAILED", "ABORTED")),
        Failure("StepFunctions.SdkClientException", "connection lost"),
    ],
)
def test_after_a_restore_that_was_cut_off_its_late_requests_are_waited_for(end):
    """Else the source is resumed and the HostedCluster appears at the destination a moment later."""
    run = recover(RunRestore=end)
    assert run.states.index("WaitForLateAnswer") < run.states.index("LookWhoOwnsIt")


def test_an_unknown_owner_never_resumes_the_source():
    run = recover(RunRestore=BROKEN, LookWhoOwnsIt=Failure("ApiUnavailableError", "mgmt-2 does not answer"))
    assert "ResumeSource" not in run.states
    assert "the source stays stopped" in run.cause
    assert "mgmt-2 does not answer" in run.cause


@pytest.mark.parametrize("state", ["VerifyRestored", "RenewGuestNetwork", "RunTeardown", "WriteReport"])
def test_a_failure_after_the_restore_never_resumes_the_source(state):
    run = recover(**{state: BROKEN})
    assert not {"ResumeSource", "LookWhoOwnsIt"} & set(run.states)
    assert run.states[-3:] == ["ExplainFailure", "ReleaseLeaseAfterFailure", "RecoverFailed"]


def test_nothing_is_deleted_at_the_source_before_the_destination_is_verified():
    assert "RunTeardown" not in recover(VerifyRestored=BROKEN).states


def test_a_second_start_goes_on_at_the_destination():
    """It neither backs up the stopped source again nor takes the destination's names for the source's."""
    run = recover(CheckPointOfNoReturn=OWNS)
    assert not {"RunBackup", "CleanUpDns", "FenceSource"} & set(run.states)
    assert run.inputs["RunRestore"]["Input"]["backupId"] == "b"
    assert run.data["recordSha256"] == "ab"


@pytest.mark.parametrize("where", ["CleanUpDns", "ResumeSource"])
def test_a_late_twin_leaves_the_source_to_the_newer_execution(where):
    answers = {"CleanUpDns": BROKEN, where: Failure("LeaseLostError", "a newer execution took over")}
    run = recover(**answers)
    assert "CheckSourceServing" not in run.states
    assert run.end == "RecoverFailed"


@pytest.mark.parametrize("state", ["CheckSourceServing", "RestoreSourceAutoRepair"])
def test_a_twin_that_is_overtaken_on_the_way_back_leaves_the_rest_to_the_newer_execution(state):
    run = recover(FenceSource=BROKEN, **{state: Failure("LeaseLostError", "a newer execution took over")})
    assert run.states[run.states.index(state) + 1 :][-4:] == [
        "Superseded",
        "ExplainFailure",
        "ReleaseLeaseAfterFailure",
        "RecoverFailed",
    ]


@pytest.mark.parametrize("state", ["ResumeSource", "CheckSourceServing", "RestoreSourceAutoRepair"])
def test_a_source_that_cannot_be_resumed_is_told_with_what_to_do(state):
    run = recover(FenceSource=BROKEN, **{state: Failure("ApiUnavailableError", "mgmt-1 does not answer")})
    assert run.end == "RecoverFailed"
    assert run.error == "ObjectRefusedError"
    assert "mgmt-1 does not answer" in run.cause
    assert "control-plane-operator up" in run.cause


def test_the_lease_is_given_back_after_every_failure():
    for state in ("RunBackup", "RunRestore", "VerifyRestored", "RunTeardown"):
        assert "ReleaseLeaseAfterFailure" in recover(**{state: BROKEN}).states


def test_a_source_that_was_never_touched_is_told_so():
    run = recover(RunBackup=BROKEN, ResumeSource={"touched": False, "resumed": False})
    assert "CheckSourceServing" not in run.states
    assert "ReleaseLeaseAfterFailure" in run.states
    assert run.cause.endswith("nothing was changed; once the reason is gone, start again")


def test_a_start_that_cannot_see_the_destination_says_that_an_earlier_one_may_have_paused_the_source():
    run = recover(CheckPointOfNoReturn=Failure("ApiUnavailableError", "mgmt-2 does not answer"))
    assert "ResumeSource" not in run.states
    assert (
        "this start changed nothing; if an earlier start of operation op-1 paused the source, it still is" in run.cause
    )
    assert run.cause.endswith("start again with operationId op-1")


def test_the_source_is_asked_before_anything_happened_and_not_after_a_failure():
    """What it stores cannot change the answer any more, and it may be away: it must be resumed all the same."""
    run = recover(RunBackup=BROKEN)
    assert run.inputs["CheckPointOfNoReturn"]["beforeAnything"] is True
    assert "beforeAnything" not in run.inputs["LookWhoOwnsIt"]


def test_a_report_is_given_what_was_deleted():
    assert recover().inputs["WriteReport"]["tornDown"]["deleted"] == {"nodepools": 2}
