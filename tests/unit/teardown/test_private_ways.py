"""At the source of a private hosted cluster: finalizers that would delete the living cluster's endpoint never run."""

import pytest

from lifeboat.errors import TeardownRefusedError
from lifeboat.resources import AWS_ENDPOINT_SERVICES
from lifeboat.teardown import deletion, plan
from tests.unit.builders import an_object
from tests.unit.teardown.steps import BLUE, INNER, check, stop_all, tear_down

FINALIZERS = [
    "hypershift.openshift.io/control-plane-operator-finalizer",
    "hypershift.openshift.io/hypershift-operator-finalizer",
]


@pytest.fixture
def private(world):
    for name in ("private-router", "kube-apiserver-private"):
        status = {"endpointID": "vpce-1", "dnsNames": ["api.blue.hypershift.local"], "dnsZoneID": "Z9"}
        api_version = "hypershift.openshift.io/v1beta1"
        world.source.add(
            an_object(api_version, "AWSEndpointService", name, INNER, finalizers=FINALIZERS, status=status)
        )
    return world


def test_they_go_and_none_was_ever_marked_for_deletion_while_it_had_a_finalizer(private, executions):
    marked = []

    def look(cluster):
        marked.extend(
            each["metadata"]["name"]
            for each in cluster.objects("AWSEndpointService")
            if each["metadata"].get("deletionTimestamp") and each["metadata"].get("finalizers")
        )

    private.source.after_write = look
    _, counts = tear_down(private, executions)
    assert counts["deleted"]["awsendpointservices"] == 2
    assert private.source.list_objects(AWS_ENDPOINT_SERVICES, INNER) == []
    assert marked == []


def test_one_that_gets_its_finalizer_back_is_not_deleted_under_it(private, executions):
    """A control-plane-operator that comes back would delete the endpoint and, by name, the destination's records."""
    check(private, executions)
    stop_all(private)
    planned = plan.read_or_refuse(private.store, private.signer, BLUE, "op-1")
    key = ("AWSEndpointService", INNER, "private-router")

    def again(cluster):
        if key in cluster._objects:
            cluster._objects[key]["metadata"]["finalizers"] = FINALIZERS[:1]

    again(private.source)
    private.source.after_write = again
    with pytest.raises(TeardownRefusedError, match="AWSEndpointService private-router"):
        deletion.delete_objects(private.source, planned)
    assert "deletionTimestamp" not in private.source._objects[key]["metadata"]
