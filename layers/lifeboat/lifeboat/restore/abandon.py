"""Taking back a restore that failed before the HostedCluster existed: only what this operation made goes.

What it made in the shared namespace stays when another hosted cluster refers to it by then, such as a pull secret. No
Cluster API controller runs for this cluster at the destination yet, so finalizers may come off and no instance is
terminated. Once the HostedCluster exists nothing here is touched any more: the destination owns the cluster.

A late twin must not do that to a successor. So the namespace is read before the HostedCluster is looked for, and
deleted as it was read only: the successor has put its epoch there before it made the HostedCluster.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifeboat import epochs
from lifeboat.edits import annotation, edit
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.reconciliation import OPERATION
from lifeboat.references import wanted_by_others
from lifeboat.resources import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    HOSTED_CLUSTERS,
    NAMESPACES,
    PODS,
    SECRETS,
    Resource,
)
from lifeboat.restore.order import ALL

LATE_LOOKS = 55
"""Looks, three seconds apart, for `lease.LATE`: a HostedCluster that was claimed and is not there may still come."""

_CONTROLLERS = ("cluster-api", "capi-provider")


def abandon(
    cluster: ManagementCluster,
    hosted: HostedClusterRef,
    operation_id: str,
    epoch: int = 0,
    give_back: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Delete what this operation made; run again until `done`.

    Answers `handedOver` and does nothing once the HostedCluster exists. `give_back` is called once it is known not to,
    before the first write: it ends the claim of the destination, and raises when a newer execution is at work.
    Raises LeaseLostError when the namespace bears a newer epoch, ConflictError when it changed meanwhile.
    """
    namespace = cluster.get(NAMESPACES, None, hosted.control_plane_namespace)
    if namespace is not None:
        epochs.refuse_older(namespace, epoch)
    if cluster.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name) is not None:
        return {"done": True, "handedOver": True, "waitingFor": ""}
    give_back()
    waiting = []
    if namespace is not None and annotation(namespace, OPERATION) == operation_id:
        waiting.append(f"namespace {hosted.control_plane_namespace}")
        if not _controllers(cluster, hosted.control_plane_namespace):
            _remove_finalizers(cluster, hosted.control_plane_namespace)
            if not namespace["metadata"].get("deletionTimestamp"):
                cluster.delete(
                    NAMESPACES,
                    None,
                    hosted.control_plane_namespace,
                    uid=namespace["metadata"]["uid"],
                    resource_version=namespace["metadata"]["resourceVersion"],
                )
        else:
            waiting.append("Cluster API controllers of another's making to stop: look at the namespace by hand")
    is_shared = wanted_by_others(cluster, hosted)
    for resource in (SECRETS, CONFIG_MAPS):
        for each in cluster.list_objects(resource, hosted.namespace):
            if annotation(each, OPERATION) != operation_id:
                continue
            if is_shared(each):  # another hosted cluster came meanwhile and rests on it: no longer ours
                edit(cluster, resource, hosted.namespace, each["metadata"]["name"], _without_our_mark)
            else:
                _delete(cluster, resource, each)
    return {"done": not waiting, "handedOver": False, "waitingFor": "; ".join(waiting)}


def look_for_late_creation(cluster: ManagementCluster, hosted: HostedClusterRef) -> dict[str, Any]:
    """One look, changing nothing: somebody claimed the destination and may be about to make the HostedCluster."""
    if cluster.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name) is not None:
        return {"done": True, "handedOver": True, "waitingFor": ""}
    return {"done": False, "handedOver": False, "waitingFor": f"a HostedCluster {hosted} that may still be on its way"}


def _controllers(cluster: ManagementCluster, namespace: str) -> bool:
    """Whether anything that could terminate instances runs there; at this point nothing should."""
    if any(cluster.get(DEPLOYMENTS, namespace, name) is not None for name in _CONTROLLERS):
        return True
    return any(each["metadata"]["name"].startswith(_CONTROLLERS) for each in cluster.list_objects(PODS, namespace))


def _remove_finalizers(cluster: ManagementCluster, namespace: str) -> None:
    for resource in ALL:
        for each in cluster.list_objects(resource, namespace):
            if each["metadata"].get("finalizers"):
                edit(cluster, resource, namespace, each["metadata"]["name"], _without_finalizers)


def _without_finalizers(manifest: Manifest) -> dict[str, Any] | None:
    return {"metadata": {"finalizers": None}} if manifest["metadata"].get("finalizers") else None


def _without_our_mark(manifest: Manifest) -> dict[str, Any] | None:
    return {"metadata": {"annotations": {OPERATION: None}}} if annotation(manifest, OPERATION) else None


def _delete(cluster: ManagementCluster, resource: Resource, manifest: Manifest) -> None:
    metadata = manifest["metadata"]
    cluster.delete(resource, metadata.get("namespace"), metadata["name"], uid=metadata["uid"])
