"""Both kinds of backup, of three members and of one, and of two hosted clusters whose names begin alike."""

import json

import pytest

from sandbox import client as kinds
from sandbox.guest.writer import outages
from sandbox.proof import audit
from sandbox.proof.clients import client_of
from tests.stored import left_behind, manifests, of_snapshot, record

WATCHED = (kinds.DEPLOYMENTS, kinds.STATEFUL_SETS)


def wanted(operations):
    """What is asked of the objects that a backup could change; their status lives."""
    client = client_of(operations.sandbox.plan.management_cluster("mgmt-1"))
    found = [client.get(kinds.HOSTED_CLUSTERS, operations.name, "clusters")]
    pools = client.list(kinds.NODE_POOLS, "clusters")
    found += [each for each in pools if each["spec"]["clusterName"] == operations.name]
    found += [each for resource in WATCHED for each in client.list(resource, operations.plane)]
    parts = ("uid", "generation", "labels", "annotations", "finalizers")
    return [({part: each["metadata"].get(part) for part in parts}, each["spec"]) for each in found]


def interruptions(sandbox):
    """Times of a second and more in which blue's API refused or did not answer; a slow machine alone makes none."""
    path = outages(sandbox.plan)
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [each for each in lines if each["failures"]]


@pytest.mark.parametrize("name", ["blue", "green"])
def test_an_online_backup_changes_nothing_at_its_source(name, request, sandbox, sampler):
    """Not one write to the hosted cluster's objects, and its API answers all the time."""
    operations = request.getfixturevalue(name)
    before, away = wanted(operations), interruptions(sandbox)
    told = audit.log_of(sandbox.plan, "mgmt-1").stat().st_size
    ended = operations.run("backup", source="mgmt-1")
    assert ended.status == "SUCCEEDED", ended.cause
    assert audit.changes(sandbox.plan, "mgmt-1", told) == []
    assert wanted(operations) == before
    assert operations.write() == ""
    assert interruptions(sandbox) == away
    assert left_behind(operations) == []
    seen = of_snapshot(operations, ended.output["backupId"])
    assert (seen["way"], seen["quorum"], seen["alarms"]) == ("pod", True, [])
    kept = record(operations, ended.output["backupId"])["snapshot"]
    assert seen["revision"] == ended.output["revision"] == kept["revision"]
    alone(operations, ended.output["backupId"])


@pytest.mark.parametrize("name", ["blue", "green"])
def test_a_quiesced_backup_puts_its_source_back(name, request, sandbox, sampler):
    """The source serves as before; nothing is left in the pods or open in S3."""
    operations = request.getfixturevalue(name)
    before = operations.source()
    told = audit.log_of(sandbox.plan, "mgmt-1").stat().st_size
    ended = operations.run("backup", source="mgmt-1", kind="quiesced")
    assert ended.status == "SUCCEEDED", ended.cause
    assert audit.changes(sandbox.plan, "mgmt-1", told), "the log that shows no change of an online backup shows these"
    assert ended.output["kind"] == "quiesced"
    assert operations.source() == before
    assert operations.serves()
    assert left_behind(operations) == []
    alone(operations, ended.output["backupId"])


def alone(operations, backup_id):
    """The export holds this hosted cluster and nothing of its neighbour."""
    found = manifests(operations, backup_id)
    kinds_found = {each["kind"] for each in found}
    assert kinds_found >= {
        "HostedCluster",
        "NodePool",
        "HostedControlPlane",
        "Secret",
        "ConfigMap",
        "Cluster",
        "Machine",
    }
    names = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in found}
    assert ("HostedCluster", "clusters", operations.name) in names
    assert {namespace for _, namespace, _ in names} <= {"clusters", operations.plane, None}
    own = {"blue": {"workers-a", "workers-b"}, "blue-green": {"green-workers"}}[operations.name]
    assert {name for kind, _, name in names if kind == "NodePool"} == own
    assert {name for kind, _, name in names if kind == "HostedCluster"} == {operations.name}
    theirs = {"blue": "blue-green", "blue-green": "blue"}[operations.name]
    secrets = {name for kind, namespace, name in names if kind == "Secret" and namespace == "clusters"}
    assert {f"{operations.name}-ssh-key", f"{operations.name}-etcd-encryption-key", "pull-secret"} <= secrets
    assert not secrets & {f"{theirs}-ssh-key", f"{theirs}-etcd-encryption-key"}
    maps = {name for kind, namespace, name in names if kind == "ConfigMap" and namespace == "clusters"}
    assert f"{operations.name}-trust-bundle" in maps
    assert f"{theirs}-trust-bundle" not in maps
    assert ("workers-kubelet-config" in maps) == (operations.name == "blue")
