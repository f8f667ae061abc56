"""Backups leave their source as it was, whichever of their tasks fails."""

import json

import pytest
import yaml

from sandbox import client as kinds
from sandbox.aws.functions import faults
from sandbox.aws.functions.faults import Fault
from sandbox.proof import etcd
from sandbox.proof.clients import client_of
from sandbox.proof.observation import BLUE_PLANE
from tests.e2e.tasks import ALWAYS, SAVING, SURVIVED, TASKS
from tests.operations import wait_until
from tests.stored import left_behind


def test_an_online_backup_stops_nothing(operations):
    """An online backup succeeds with the writers up, and its record tells revision and digest."""
    before = operations.source()
    ended = operations.run("backup", source="mgmt-1")
    assert ended.status == "SUCCEEDED", ended.cause
    assert set(ended.output) >= {"backupId", "kind", "revision", "recordSha256"}
    assert ended.output["kind"] == "online"
    assert operations.source() == before


def test_a_quiesced_backup_resumes_its_source(operations, sandbox):
    """After a quiesced backup of its own the source serves as before and nothing of it is left in the etcd pods."""
    before = operations.source()
    ended = operations.run("backup", source="mgmt-1", kind="quiesced")
    assert ended.status == "SUCCEEDED", ended.cause
    assert operations.source() == before
    assert operations.serves()
    home = sandbox.plan.management_cluster("mgmt-1")
    for pod in ("etcd-0", "etcd-1", "etcd-2"):
        assert etcd.run(home, BLUE_PLANE, pod, "ls -A /tmp") == ""


EACH = [pytest.param(*each, id=each[0], marks=() if each[0] in ALWAYS else pytest.mark.full) for each in TASKS]


@pytest.mark.parametrize(("state", "function", "skip"), EACH)
def test_a_quiesced_backup_that_fails_leaves_the_source_serving(operations, sandbox, state, function, skip):
    """Each task does its work and then fails: the source has its replica counts and pauses back, and serves."""
    before = operations.source()
    faults.plant(sandbox.plan, Fault(function, "after", skip))
    ended = operations.run("backup", source="mgmt-1", kind="quiesced")
    assert faults.planted(sandbox.plan) == [], f"{state} was never reached"
    assert operations.source() == before
    assert operations.serves()
    if state in SAVING:
        assert left_behind(operations) == []
    if state in SURVIVED:
        assert ended.status == "SUCCEEDED", ended.cause
    else:
        assert ended.status == "FAILED"
        assert ended.error == "PlantedFaultError"


@pytest.mark.parametrize(
    "function",
    [
        "pause-source",
        pytest.param("stop-deployments", marks=pytest.mark.full),
        pytest.param("start-snapshot", marks=pytest.mark.full),
        "commit-backup",
    ],
)
def test_a_task_that_dies_is_run_again(operations, sandbox, function):
    """A function that is killed when its work is done runs a second time, safely."""
    before = operations.source()
    faults.plant(sandbox.plan, Fault(function, "killed"))
    ended = operations.run("backup", source="mgmt-1", kind="quiesced")
    assert ended.status == "SUCCEEDED", ended.cause
    assert operations.source() == before


def test_the_second_operation_is_told_who_is_at_work(operations):
    """While one backup runs, another of the same hosted cluster is refused and names the first."""
    first = operations.start("backup", source="mgmt-1", name="the-first")
    operations.wait_for_state(first, "PreflightSource")
    refused = operations.run("backup", source="mgmt-1")
    assert (refused.status, refused.error) == ("FAILED", "LeaseHeldError")
    assert "the-first" in refused.cause
    assert operations.end_of(first).status == "SUCCEEDED"


def test_somebody_elses_pause_is_refused_and_kept(operations, sandbox):
    """A HostedCluster that somebody else paused is refused with a remedy, and stays paused."""
    client = client_of(sandbox.plan.management_cluster("mgmt-1"))
    client.patch(kinds.HOSTED_CLUSTERS, "blue", {"spec": {"pausedUntil": "true"}}, "clusters")
    try:
        wait_until(lambda: operations.source()["cluster paused"])  # the operator passes the pause on
        before = operations.source()
        refused = operations.run("backup", source="mgmt-1", kind="quiesced")
        assert (refused.status, refused.error) == ("FAILED", "AlreadyPausedError")
        assert "pausedUntil" in refused.cause
        assert operations.source() == before
    finally:
        client.patch(kinds.HOSTED_CLUSTERS, "blue", {"spec": {"pausedUntil": None}}, "clusters")
    wait_until(lambda: not operations.source()["cluster paused"])
    assert operations.serves()


@pytest.mark.parametrize(
    ("machine", "fields", "told"),
    [
        ("backup", {"source": "mgmt-1", "kind": "warm"}, "kind"),
        ("restore", {"destination": "mgmt-2"}, "backupId"),
        ("teardown", {"source": "mgmt-1"}, "restoreExecution"),
        ("recover", {"source": "mgmt-1", "destination": "mgmt-1"}, "destination"),
    ],
)
def test_a_wrong_input_is_refused_in_the_first_state(operations, machine, fields, told):
    """One line that says what is wrong, before anything is changed."""
    refused = operations.run(machine, **fields)
    assert (refused.status, refused.error) == ("FAILED", "InvalidInputError")
    assert told in refused.cause
    assert refused.cause.startswith("wrong input, nothing was changed: ")
    assert "\n" not in refused.cause


def test_a_management_cluster_that_is_not_registered_is_refused_in_the_first_state(operations):
    """One line, no lease taken, nobody asked for an approval."""
    refused = operations.run("recover", source="mgmt-8", destination="mgmt-9")
    assert (refused.status, refused.error) == ("FAILED", "PreflightError")
    assert "nothing was changed: source: mgmt-8; destination: mgmt-9" in refused.cause
    assert "\n" not in refused.cause


@pytest.mark.full
def test_a_source_that_does_not_answer_is_told_as_untouched(operations, sandbox):
    """The first reason alone, no word of a way back that failed; the lease is given back."""
    secrets, name = sandbox.client("secretsmanager"), "lifeboat/management-clusters/mgmt-gone"
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "gone",
        "clusters": [{"name": "gone", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "gone", "user": {"token": "none"}}],
        "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "gone"}}],
    }
    secrets.create_secret(Name=name, SecretString=json.dumps({"kubeconfig": yaml.safe_dump(kubeconfig)}))
    try:
        refused = operations.run("backup", source="mgmt-gone", kind="quiesced")
    finally:
        secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    assert (refused.status, refused.error) == ("FAILED", "ApiUnavailableError")
    assert refused.cause.endswith("nothing was changed")
    assert "\n" not in refused.cause
    ended = operations.run("backup", source="mgmt-1")
    assert ended.status == "SUCCEEDED", ended.cause


def test_a_lone_restore_without_a_fence_is_refused(operations):
    """The source still serves: nothing is written at the destination."""
    refused = operations.run("restore", destination="mgmt-2", backupId="latest")
    assert (refused.status, refused.error) == ("FAILED", "FenceUnprovenError")


def test_a_lone_teardown_of_a_living_source_is_refused(operations):
    """Without a verified restore nothing is deleted."""
    backup = operations.run("backup", source="mgmt-1")
    refused = operations.run("teardown", source="mgmt-1", restoreExecution=backup.arn)
    assert refused.status == "FAILED"
    assert operations.serves()
