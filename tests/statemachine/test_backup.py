"""`backup` as a procedure: the way back of a source that was brought to rest."""

from __future__ import annotations

from typing import Any

import pytest

from lifeboat import approvals, lease
from tests.statemachine import machines
from tests.statemachine.walker import Failure, Run, of_a_function, walk

GIVEN = {"hostedCluster": {"namespace": "clusters", "name": "blue"}, "source": "mgmt-1", "kind": "quiesced"}
ACCEPTED = {**GIVEN, "operation": {"id": "op-1", "epoch": 1, "execution": "arn"}, "firstHalfOfMove": False}
DONE = {"done": True, "waitingFor": ""}
MOVING = {"done": False, "lost": False, "wait": 1}
STORED = {**MOVING, "done": True}
WAITING = {"done": False, "waitingFor": "a node"}
BROKEN = Failure("ObjectRefusedError", "refused")
SUPERSEDED = Failure("LeaseLostError", "a newer execution took over")
WELL = {"quorum": True, "alarms": [], "note": None, "approvalNeeded": None, "raftIndex": 7}
RISK = {**WELL, "quorum": False, "approvalNeeded": "etcd has no quorum"}
PREFLIGHT = {"backupId": "b", "infraId": "blue-x7k2p", "committed": False, "etcd": WELL}
RECORD = {"backupId": "b", "kind": "quiesced", "revision": 4711, "recordSha256": "ab"}


def backup(**answers: Any) -> Run:
    """Everything goes well but for what is given."""
    well = {
        "AcceptBackup": ACCEPTED,
        "PreflightSource": PREFLIGHT,
        "MarkSource": {},
        "PauseSource": {},
        "StopControllers": {},
        "CheckControllersStopped": DONE,
        "StopWriters": {},
        "CheckWritersStopped": [WAITING, DONE],
        "StartSnapshot": {},
        "ExportManifests": {},
        "TransferSnapshot": [MOVING, STORED],
        "VerifySnapshot": {"again": False},
        "DiscardSnapshot": {},
        "CommitBackup": RECORD,
        "DiscardFailedSnapshot": {},
        "ResumeSource": {"touched": True, "resumed": True},
        "CheckSourceServing": [WAITING, DONE],
        "RestoreSourceAutoRepair": {"autoRepair": ["workers-a"]},
        "ReleaseLease": {},
    }
    return walk("backup", GIVEN, {**well, **answers})


WAY_BACK = ["ResumeSource", "CheckSourceServing", "IsSourceServing?", "WaitForSource", "RestoreSourceAutoRepair"]


def test_a_quiesced_backup_resumes_its_source_and_turns_auto_repair_on_last():
    run = backup()
    assert [state for state in run.tasks if state in WAY_BACK] == WAY_BACK
    assert run.end == "BackupComplete"


def test_the_first_half_of_a_move_leaves_the_source_at_rest():
    run = backup(AcceptBackup={**ACCEPTED, "firstHalfOfMove": True})
    assert not set(WAY_BACK) & set(run.states)
    assert run.end == "BackupComplete"


@pytest.mark.parametrize("state", ["PreflightSource", "PauseSource", "StartSnapshot", "CommitBackup"])
def test_a_failure_resumes_the_source_and_is_told(state):
    run = backup(**{state: BROKEN})
    assert [each for each in run.tasks if each in WAY_BACK] == WAY_BACK
    assert (run.end, run.error) == ("BackupFailed", "ObjectRefusedError")


@pytest.mark.parametrize("state", ["ResumeSource", "CheckSourceServing", "RestoreSourceAutoRepair"])
def test_a_source_that_cannot_be_resumed_is_told_with_what_to_do(state):
    run = backup(**{state: BROKEN})
    assert (run.end, run.error) == ("ResumeFailed", "ResumeFailedError")
    assert "with operationId op-1" in str(run.cause)
    assert "lifeboat/auto-repair" in str(run.cause)


@pytest.mark.parametrize("state", ["ResumeSource", "CheckSourceServing", "RestoreSourceAutoRepair"])
def test_a_late_twin_leaves_the_source_to_the_newer_execution(state):
    run = backup(**{state: SUPERSEDED})
    assert run.states[run.states.index(state) + 1 :][-1] == "BackupFailed"
    assert not {"ReleaseLease", "ResumeFailed"} & set(run.states)
    assert run.error == "LeaseLostError"


UNTOUCHED = {"touched": False, "resumed": False, "backupId": None, "infraId": None, "autoRepairOff": []}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("management cluster mgmt-9 is not registered", "is not registered; nothing was changed"),
        ("blue is not fit for a backup, nothing was changed: no etcd", "nothing was changed: no etcd"),
    ],
)
def test_a_source_that_was_never_touched_is_told_by_the_reason_alone_and_its_lease_is_given_back(message, told):
    run = backup(PreflightSource=of_a_function("PreflightError", message), ResumeSource=UNTOUCHED)
    assert "CheckSourceServing" not in run.states
    assert "ReleaseLease" in run.states
    assert (run.end, run.error) == ("BackupFailed", "PreflightError")
    assert str(run.cause).endswith(told)


def test_a_backup_that_was_committed_by_an_earlier_start_is_not_saved_again():
    """The source is stopped and looked at as before; only the record is read again."""
    run = backup(PreflightSource={**PREFLIGHT, "committed": True})
    assert "StartSnapshot" not in run.states
    assert run.states.index("CheckWritersStopped") < run.states.index("CommitBackup")
    assert run.end == "BackupComplete"


def test_a_snapshot_that_is_taken_again_needs_no_second_export():
    run = backup(
        TransferSnapshot=[{**MOVING, "lost": True}, STORED], VerifySnapshot=[{"again": True}, {"again": False}]
    )
    assert (run.states.count("StartSnapshot"), run.states.count("ExportManifests")) == (3, 1)
    assert run.end == "BackupComplete"


def test_nothing_is_at_work_when_the_way_back_begins():
    """A branch of a Parallel would be: what fails beside it does not stop its function."""
    assert {state["Type"] for _, state in machines.states("backup")} & {"Parallel", "Map"} == set()


def without_quorum(answer: Any, **answers: Any) -> Run:
    return backup(PreflightSource={**PREFLIGHT, "etcd": RISK}, AskForApproval=answer, **answers)


def test_a_well_etcd_needs_nobodys_word():
    assert "AskForApproval" not in backup().states


@pytest.mark.parametrize("accepted", [ACCEPTED, {**ACCEPTED, "firstHalfOfMove": True}, {**ACCEPTED, "kind": "online"}])
def test_an_etcd_without_quorum_is_asked_about_before_anything_is_changed(accepted):
    run = without_quorum({"by": "somebody", "reason": "it is all there is"}, AcceptBackup=accepted)
    before = run.states[: run.states.index("AskForApproval")]
    assert before == ["AcceptBackup", "PreflightSource", "IsApprovalNeeded?"]
    assert run.inputs["AskForApproval"]["Payload"]["token"] == "<$$.Task.Token>"
    assert run.inputs["AskForApproval"]["Payload"]["about"] == "quorum"
    assert run.inputs["StartSnapshot"]["approved"]["by"] == "somebody"
    assert run.end == "BackupComplete"


def test_a_rejection_ends_it_before_anything_is_changed():
    run = without_quorum(Failure("ApprovalRejected", "rejected by somebody; nothing was changed"))
    assert not {"MarkSource", "PauseSource", "StartSnapshot"} & set(run.states)
    assert "ReleaseLease" in run.states
    assert (run.end, run.error) == ("BackupFailed", "ApprovalRejected")
    assert run.cause == "rejected by somebody; nothing was changed"


def test_without_an_answer_it_ends_and_says_so():
    """Step Functions tells no cause of a timeout."""
    run = without_quorum(Failure("States.Timeout", ""))
    assert not {"MarkSource", "PauseSource", "StartSnapshot"} & set(run.states)
    assert (run.end, run.error) == ("BackupFailed", "ApprovalTimedOut")
    assert "clusters/blue without quorum within two hours, nothing was changed" in str(run.cause)


def test_waiting_for_an_approval_ends_before_the_lease_does():
    waits = dict(machines.states("backup"))["AskForApproval"]["TimeoutSeconds"]
    assert waits == approvals.SECONDS_WITHOUT_QUORUM < lease.SECONDS
