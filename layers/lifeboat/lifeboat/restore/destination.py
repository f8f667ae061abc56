"""The two namespaces of a hosted cluster at its destination, and what else several steps of a restore know of it."""

from __future__ import annotations

from typing import Any

from lifeboat import epochs
from lifeboat.edits import edit
from lifeboat.errors import RestoreFailedError
from lifeboat.model import Manifest
from lifeboat.reconciliation import OPERATION
from lifeboat.resources import NAMESPACES, SECRETS
from lifeboat.restore.loading import Destination

OPERATOR_NAMESPACE = "hypershift"
CONTROL_PLANE_LABEL = "hypershift.openshift.io/hosted-control-plane"
"""Label of every control-plane namespace; the operator adds the rest when it meets the HostedCluster."""

ZONE = "topology.kubernetes.io/zone"


def create_namespaces(destination: Destination, epoch: int = 0) -> dict[str, Any]:
    """The HostedCluster's namespace (others may live there) and the control-plane namespace, marked as ours.

    Also by epoch: what an earlier execution read of it, to delete it, is outdated from then on.
    """
    shared = {"metadata": {"name": destination.hosted.namespace}}
    made = destination.cluster.create(NAMESPACES, shared) is not None
    own = {
        "metadata": {
            "name": destination.namespace,
            "labels": {CONTROL_PLANE_LABEL: "true"},
            "annotations": {OPERATION: destination.operation_id, **({epochs.EPOCH: str(epoch)} if epoch else {})},
        }
    }
    if destination.cluster.create(NAMESPACES, own) is None:
        assert_own_namespace(destination)
        edit(destination.cluster, NAMESPACES, None, destination.namespace, epochs.putting(lambda _: None, epoch))
    return {"createdSharedNamespace": made, "controlPlaneNamespace": destination.namespace}


def assert_own_namespace(destination: Destination) -> None:
    """Refuse a control-plane namespace that this operation did not make, or that is going away."""
    live = destination.cluster.get(NAMESPACES, None, destination.namespace)
    if not destination.is_ours(live) or (live and live["metadata"].get("deletionTimestamp")):
        msg = (
            f"namespace {destination.namespace} on {destination.cluster.name} is not this operation's, or is being "
            "deleted: wait until it is gone, or delete it if nothing uses it"
        )
        raise RestoreFailedError(msg)


def pull_secret(destination: Destination) -> Manifest | None:
    """The exported pull secret of the HostedCluster."""
    name = (destination.exported_hosted_cluster()["spec"].get("pullSecret") or {}).get("name")
    wanted = (destination.hosted.namespace, name)
    for each in destination.manifests(SECRETS):
        if (each["metadata"].get("namespace"), each["metadata"]["name"]) == wanted:
            return each
    return None
