"""Stopping everything in the control-plane namespace, and the proof that it stands still."""

from __future__ import annotations

from typing import Any

from lifeboat.edits import edit
from lifeboat.errors import TeardownRefusedError
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import DEPLOYMENTS, PODS, STATEFUL_SETS
from lifeboat.teardown import operator

_ENDED = {"Succeeded", "Failed"}
CONTROLLERS = ("control-plane-operator", "cluster-api", "capi-provider")


def stop(cluster: ManagementCluster, hosted: HostedClusterRef) -> dict[str, Any]:
    """Scale all Deployments and StatefulSets of the namespace to zero; returns how many were changed.

    A StatefulSet that would delete its claims when scaled to zero is told to retain them first: until the namespace
    goes, the source's etcd volumes are the last resort.
    """
    assert_operator_gone(cluster)
    changed = 0
    for resource in (DEPLOYMENTS, STATEFUL_SETS):
        for each in cluster.list_objects(resource, hosted.control_plane_namespace):
            before = each["metadata"].get("resourceVersion")
            after = edit(cluster, resource, hosted.control_plane_namespace, each["metadata"]["name"], _to_zero)
            changed += bool(after and after["metadata"].get("resourceVersion") != before)
    return {"changed": changed}


def running(cluster: ManagementCluster, hosted: HostedClusterRef) -> list[str]:
    """Pods of the namespace that are still there, controllers first; jobs that have ended do not count."""
    names = [
        each["metadata"]["name"]
        for each in cluster.list_objects(PODS, hosted.control_plane_namespace)
        if (each.get("status") or {}).get("phase") not in _ENDED or each["metadata"]["name"].startswith(CONTROLLERS)
    ]
    return [f"pod {name} to be gone" for name in sorted(names, key=lambda name: not name.startswith(CONTROLLERS))]


def assert_operator_gone(cluster: ManagementCluster) -> None:
    """Raises TeardownRefusedError while the operator runs: somebody scaled it back."""
    if found := operator.running(cluster):
        msg = f"{cluster.name} still waits for {found[0]}: it would terminate instances; look who started it"
        raise TeardownRefusedError(msg)


def assert_still(cluster: ManagementCluster, hosted: HostedClusterRef) -> None:
    """Look again, right before a deletion: operator and controllers gone. Raises TeardownRefusedError otherwise.

    Other pods may come and go (a CronJob's): they have no hands in AWS.
    """
    assert_operator_gone(cluster)
    for pod in cluster.list_objects(PODS, hosted.control_plane_namespace):
        if pod["metadata"]["name"].startswith(CONTROLLERS):
            msg = f"pod {pod['metadata']['name']} is back on {cluster.name}: it would terminate instances"
            raise TeardownRefusedError(msg)


def _to_zero(workload: Manifest) -> dict[str, Any] | None:
    spec = workload["spec"]
    wanted: dict[str, Any] = {}
    if spec.get("replicas") != 0:
        wanted["replicas"] = 0
    if (spec.get("persistentVolumeClaimRetentionPolicy") or {}).get("whenScaled") == "Delete":
        wanted["persistentVolumeClaimRetentionPolicy"] = {"whenScaled": "Retain"}
    return {"spec": wanted} if wanted else None
