"""From v1beta1 to v1beta2, which converts on the way, and not back."""

import pytest

from sandbox import client as kinds
from sandbox.proof.clients import client_of
from sandbox.proof.observation import BLUE_PLANE
from tests.e2e_v1beta2.moves import move

STORED = ("v1beta1", "v1beta2")
MACHINES = kinds.Resource("cluster.x-k8s.io/v1beta2", "machines", "Machine")


@pytest.mark.full
def test_the_whole_move_converts(operations, sandbox):
    assert move(operations, sandbox) == {}
    machines = client_of(sandbox.plan.management_cluster("mgmt-2")).list(MACHINES, BLUE_PLANE)
    assert len(machines) == 4
    assert {each["spec"]["infrastructureRef"]["apiGroup"] for each in machines} == {"infrastructure.cluster.x-k8s.io"}


@pytest.mark.full
def test_the_way_back_is_refused_before_anything_is_changed(operations, sandbox):
    """After the move above. An older Cluster API would lose what only the newer one can say."""
    client = client_of(sandbox.plan.management_cluster("mgmt-2"))
    before = client.list(kinds.HOSTED_CLUSTERS, "clusters")
    ended = operations.run("recover", source="mgmt-2", destination="mgmt-1", approval="none")
    assert (ended.status, ended.error) == ("FAILED", "PreflightError")
    assert "stored as v1beta1 there and as v1beta2 at the source: upgrade HyperShift there first" in ended.cause
    after = client.list(kinds.HOSTED_CLUSTERS, "clusters")
    assert [each["spec"] for each in after] == [each["spec"] for each in before]
    assert [each["metadata"].get("annotations") for each in after] == [
        each["metadata"].get("annotations") for each in before
    ]
