"""`restore` as a procedure: its order, and which way it takes when something fails before or after the handover."""

from __future__ import annotations

from typing import Any

import pytest

from tests.statemachine.walker import Failure, Run, walk

GIVEN = {"hostedCluster": {"namespace": "clusters", "name": "blue"}, "destination": "mgmt-2", "backupId": "latest"}
ACCEPTED = {
    "hostedCluster": GIVEN["hostedCluster"],
    "destination": "mgmt-2",
    "operation": {"id": "op-1", "epoch": 3, "execution": "arn"},
    "backup": {"backupId": "latest"},
    "etcdRestore": "volumes",
}
BACKUP = {"backupId": "b", "infraId": "blue-x7k2p", "recordSha256": "ab", "source": "mgmt-1"}
DONE = {"done": True, "waitingFor": ""}
WAITING = {"done": False, "waitingFor": "a pod"}
BROKEN = Failure("ObjectRefusedError", "refused")
BEFORE_ANY_WRITE = ["LoadBackup", "CheckFence", "PreflightDestination"]
OBJECTS = [
    "RestoreHostedControlPlane",
    "RestoreSecretsAndConfigMaps",
    "RestoreCluster",
    "RestoreMachineTemplates",
    "RestoreMachineDeployments",
    "RestoreMachineSets",
    "RestoreMachines",
    "RestoreAwsMachines",
]
ETCD = ["CreateEtcdVolumes", "CheckEtcdHelpers", "StartEtcdRestore", "CheckEtcdRestore", "RemoveEtcdHelpers"]
BEFORE_HANDOVER = [
    "CreateNamespaces",
    *OBJECTS,
    "RelinkOwners",
    "CheckOwners",
    *ETCD,
    "RenewDnsController",
    "CreateHostedCluster",
]
AFTER_HANDOVER = ["CreateNodePools", "CheckServing", "RestoreAutoRepair"]


def restore(**answers: Any) -> Run:
    """Everything goes well but for what is given."""
    well = {
        "AcceptRestore": ACCEPTED,
        "LoadBackup": BACKUP,
        "PreflightDestination": {"handedOver": False},
        **{name: {} for name in ["CheckFence", *BEFORE_HANDOVER, *AFTER_HANDOVER, "ReleaseLease"]},
        "CheckEtcdHelpers": [WAITING, DONE],
        "CheckEtcdRestore": [{**WAITING, "lost": False}, {**DONE, "lost": False}],
        "RemoveEtcdHelpers": [WAITING, DONE],
        "RenewDnsController": [WAITING, DONE],
        "CreateHostedCluster": {"uid": "u"},
        "CheckServing": [WAITING, DONE],
        "AbandonDestination": [{**WAITING, "handedOver": False}, {**DONE, "handedOver": False}],
    }
    return walk("restore", GIVEN, {**well, **answers})


def tasks(run: Run) -> list[str]:
    return [each for each in run.tasks if each in run.inputs]


def test_the_procedure():
    run = restore()
    assert tasks(run) == [
        "AcceptRestore",
        *BEFORE_ANY_WRITE,
        *BEFORE_HANDOVER,
        *AFTER_HANDOVER,
        "ReleaseLease",
    ]
    assert run.end == "RestoreComplete"
    assert run.data == {
        "backupId": "b",
        "infraId": "blue-x7k2p",
        "recordSha256": "ab",
        "hostedCluster": GIVEN["hostedCluster"],
        "source": "mgmt-1",
        "destination": "mgmt-2",
        "hostedClusterUid": "u",
    }


def test_the_source_is_what_the_record_says():
    assert restore().inputs["CheckFence"]["source"] == "mgmt-1"


def test_each_group_of_objects_is_named_to_the_function():
    run = restore()
    assert [run.inputs[each]["group"] for each in OBJECTS][:3] == ["control-plane", "secrets", "cluster"]


def test_a_refused_input_changes_nothing():
    run = restore(AcceptRestore=Failure("InvalidInputError", "destination: missing"))
    assert (run.end, run.error, run.tasks) == (
        "RestoreFailed",
        "InvalidInputError",
        ["AcceptRestore", "IsCauseADocument", "RestoreFailed"],
    )


@pytest.mark.parametrize("state", BEFORE_ANY_WRITE)
def test_before_the_first_write_there_is_nothing_to_take_back(state):
    run = restore(**{state: BROKEN})
    assert (run.end, run.cause) == ("RestoreFailed", "refused")
    assert "AbandonDestination" not in run.states
    assert "ReleaseLease" in run.states


@pytest.mark.parametrize("state", BEFORE_HANDOVER)
def test_before_the_handover_everything_is_taken_back(state):
    run = restore(**{state: BROKEN})
    assert run.states.count("AbandonDestination") == 2
    assert (run.end, run.error, run.cause) == ("RestoreFailed", "ObjectRefusedError", "refused")
    assert "ReleaseLease" in run.states


@pytest.mark.parametrize("state", AFTER_HANDOVER)
def test_after_the_handover_nothing_is_taken_back_and_the_failure_says_so(state):
    run = restore(**{state: BROKEN})
    assert "AbandonDestination" not in run.states
    assert run.end == "RestoreFailed"
    assert run.cause.startswith("The destination mgmt-2 owns the cluster now")
    assert run.cause.endswith("refused")


def test_a_handover_whose_answer_was_lost_is_recognised():
    run = restore(CreateHostedCluster=BROKEN, AbandonDestination={**DONE, "handedOver": True})
    assert run.cause.startswith("The destination mgmt-2 owns the cluster now")


def test_a_handover_that_may_still_happen_is_waited_for():
    """The client has given up on the request, the API server may not have."""
    run = restore(CreateHostedCluster=BROKEN)
    assert run.states[run.states.index("CreateHostedCluster") + 1 :][:2] == ["WaitForLateAnswer", "AbandonDestination"]
    assert "WaitForLateAnswer" not in restore(RestoreMachines=BROKEN).states


def test_a_second_start_after_the_handover_touches_nothing_before_it():
    run = restore(PreflightDestination={"handedOver": True})
    assert run.end == "RestoreComplete"
    assert not set(BEFORE_HANDOVER[:-1]) & set(run.states)


def test_a_lost_helper_is_made_and_started_again():
    run = restore(CheckEtcdRestore=[{**WAITING, "lost": True}, {**DONE, "lost": False}])
    assert (run.states.count("CreateEtcdVolumes"), run.states.count("StartEtcdRestore")) == (2, 2)
    assert run.end == "RestoreComplete"


def test_what_cannot_be_taken_back_is_told_and_does_not_hide_the_first_failure():
    run = restore(RestoreMachines=BROKEN, AbandonDestination=Failure("NotStoppedError", "namespace clusters-blue"))
    assert (run.end, run.error) == ("RestoreFailed", "ObjectRefusedError")
    assert run.cause.startswith("What this operation made at mgmt-2 is not all taken back (NotStoppedError, namespace")
    assert "operationId op-1" in run.cause
    assert run.cause.endswith("refused")
    assert "ReleaseLease" in run.states


def test_a_lease_that_cannot_be_released_does_not_fail_a_restore():
    assert restore(ReleaseLease=BROKEN).end == "RestoreComplete"


BY_URL = {**ACCEPTED, "etcdRestore": "snapshotUrl"}


def by_url(**answers: Any) -> Run:
    given = {"AcceptRestore": BY_URL, "TrySnapshotUrl": {"secondsLeft": 9}, "CheckSnapshotRestored": [WAITING, DONE]}
    return restore(**{**given, **answers})


def test_by_a_url_no_volume_is_filled_and_no_node_pool_is_made_before_etcd_has_its_data():
    run = by_url()
    assert run.end == "RestoreComplete"
    assert not set(ETCD) & set(run.states)
    order = ["CheckOwners", "TrySnapshotUrl", "RenewDnsController", "CreateHostedCluster", "CheckSnapshotRestored"]
    order.append("CreateNodePools")
    assert [each for each in run.tasks if each in order] == order


def test_a_url_that_opens_nothing_is_found_while_all_can_be_taken_back():
    run = by_url(TrySnapshotUrl=Failure("RestoreFailedError", "S3 refuses the snapshot's URL"))
    assert "AbandonDestination" in run.states
    assert "CreateHostedCluster" not in run.states
    assert (run.end, run.cause) == ("RestoreFailed", "S3 refuses the snapshot's URL")


def test_an_etcd_that_could_not_restore_itself_gets_no_node_pools_and_nothing_is_deleted():
    run = by_url(CheckSnapshotRestored=Failure("RestoreFailedError", "etcd-init ended 3 times with an error"))
    assert not {"CreateNodePools", "AbandonDestination"} & set(run.states)
    assert run.cause.startswith("The destination mgmt-2 owns the cluster now")
    assert run.cause.endswith("etcd-init ended 3 times with an error")


def test_a_second_start_looks_at_etcd_again():
    run = by_url(PreflightDestination={"handedOver": True})
    assert "TrySnapshotUrl" not in run.states
    assert "CheckSnapshotRestored" in run.states
