"""A hosted cluster with 300 Machines, 12 NodePools and 400 Secrets through the whole backup machine."""

from collections import Counter

import pytest

from sandbox.running.large import LargeSandbox
from tests.operations import Operations
from tests.stored import left_behind, listed, manifests, of_snapshot, record

pytestmark = pytest.mark.full

EVENTS = 25_000
"""AWS ends an execution at so many events of its history."""
DATA = 256 * 1024
"""Bytes that AWS takes as a state's input or output at most. What a function is given or answers is one of them."""


@pytest.fixture(scope="module")
def sandbox(backend, tmp_path_factory):
    """In place of the package's sandbox, which is not up yet."""
    with LargeSandbox(tmp_path_factory.mktemp("large") / "run", kube=backend) as running:
        yield running


@pytest.fixture
def large(sandbox):
    return Operations(sandbox, sandbox.seed.name)


def history(operations, arn):
    pages = operations.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"]]


def data_of(events):
    """(what it is, its bytes) of all data in a history."""
    for event in events:
        for name, details in event.items():
            if isinstance(details, dict):
                state = details.get("name", "")
                for part in ("input", "output", "parameters"):
                    if isinstance(details.get(part), str):
                        yield f"{name} {state} {part}", len(details[part].encode())


def test_a_large_hosted_cluster_is_backed_up_within_the_limits_of_aws(large, sandbox):
    """Every object is in it; history and data of the machine stay far from where AWS ends an execution."""
    ended = large.run("backup", source="mgmt-1")
    assert ended.status == "SUCCEEDED", ended.cause
    backup_id = ended.output["backupId"]
    found = Counter(each["kind"] for each in manifests(large, backup_id))
    seed = sandbox.seed
    assert (found["Machine"], found["AWSMachine"], found["NodePool"]) == (seed.machines, seed.machines, seed.node_pools)
    assert found["MachineDeployment"] == found["MachineSet"] == seed.node_pools
    assert found["Secret"] >= seed.secrets
    assert sum(each["count"] for each in record(large, backup_id)["manifests"]) == sum(found.values())
    assert of_snapshot(large, backup_id)["quorum"] is True
    assert listed(large) == {backup_id}
    assert left_behind(large) == []
    events = history(large, ended.arn)
    assert len(events) < EVENTS // 10
    sizes = list(data_of(events))
    assert any(what.startswith("lambda") for what, _ in sizes), "what functions are given and answer is looked at too"
    assert [each for each in sizes if each[1] > DATA // 4] == []
