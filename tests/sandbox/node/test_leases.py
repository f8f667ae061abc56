"""Nodes and their heartbeat, on the emulated API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.client import LEASES, NODES, Client
from sandbox.node import leases
from sandbox.node.nodes import register
from sandbox.plan import ManagementClusterPlan, Plan
from tests.sandbox.kube.conftest import RunningServer


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ManagementClusterPlan]:
    running = RunningServer(Plan.create(tmp_path, isolation="rewrite"))
    yield running.cluster
    running.stop()


def test_every_node_has_a_lease_that_is_renewed(cluster: ManagementClusterPlan) -> None:
    """The Lease belongs to its Node, and a renewal moves its time and nothing else."""
    client = Client(cluster.controllers_kubeconfig)
    nodes = register(client, cluster)
    assert register(client, cluster) == nodes
    assert nodes == {each["metadata"]["name"]: each["metadata"]["uid"] for each in client.list(NODES)}
    assert len(nodes) == 3

    def renew() -> list[dict[str, object]]:
        for name, uid in nodes.items():
            leases.renew(client, name, uid)
        return client.list(LEASES, leases.NAMESPACE)

    first, second = renew(), renew()
    assert {each["metadata"]["ownerReferences"][0]["uid"] for each in first} == set(nodes.values())  # type: ignore[index]
    for before, after in zip(first, second, strict=True):
        assert before["metadata"]["uid"] == after["metadata"]["uid"]  # type: ignore[index]
        assert before["spec"].pop("renewTime") < after["spec"].pop("renewTime")  # type: ignore[attr-defined]
        assert before["spec"] == after["spec"]
