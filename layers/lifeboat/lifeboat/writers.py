"""The Deployments that are stopped before a snapshot, and the proof that their pods are gone.

control-plane-operator would scale the writers back up and the Cluster API controllers could replace or terminate
instances: these controllers stop first. Then the three API servers, the only holders of etcd's client certificates.
Replica counts are no proof: a pod that is terminating still writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lifeboat import epochs
from lifeboat.edits import edit
from lifeboat.model import Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import DEPLOYMENTS, PODS

CONTROLLERS = ("control-plane-operator", "cluster-api", "capi-provider")
WRITERS = ("kube-apiserver", "openshift-apiserver", "openshift-oauth-apiserver")
GROUPS = {"controllers": CONTROLLERS, "writers": WRITERS}
ALL = (*CONTROLLERS, *WRITERS)


def replica_counts(cluster: ManagementCluster, namespace: str) -> dict[str, int]:
    """`spec.replicas` of those of the six Deployments that exist."""
    there = {each["metadata"]["name"]: each for each in cluster.list_objects(DEPLOYMENTS, namespace)}
    return {name: _replicas(there[name]) for name in ALL if name in there}


def ready_counts(cluster: ManagementCluster, namespace: str) -> dict[str, int]:
    """`status.readyReplicas` of those of the six Deployments that exist."""
    there = {each["metadata"]["name"]: each for each in cluster.list_objects(DEPLOYMENTS, namespace)}
    return {name: _ready(there[name]) for name in ALL if name in there}


def stop(cluster: ManagementCluster, namespace: str, names: Iterable[str], epoch: int = 0) -> list[str]:
    """Scale Deployments to zero; returns those that were not at zero yet. Absent ones are left absent.

    Each gets the epoch: from then on no older one can scale it up. Raises LeaseLostError where a newer one is.
    """
    return _scale(cluster, namespace, dict.fromkeys(names, 0), lambda change: epochs.putting(change, epoch))


def scale(cluster: ManagementCluster, namespace: str, replicas: Mapping[str, int], epoch: int = 0) -> list[str]:
    """Bring Deployments to these counts, in this order, and take the epoch off; returns those that were changed.

    Raises LeaseLostError where a newer epoch stopped one.
    """
    return _scale(cluster, namespace, replicas, lambda change: epochs.taking_off(change, epoch))


def _scale(
    cluster: ManagementCluster,
    namespace: str,
    replicas: Mapping[str, int],
    guard: Callable[[epochs.Change], epochs.Change],
) -> list[str]:
    changed = []
    for name, count in replicas.items():

        def to_count(deployment: Manifest, name: str = name, count: int = count) -> dict[str, Any] | None:
            if _replicas(deployment) == count:
                return None
            changed.append(name)
            return {"spec": {"replicas": count}}

        edit(cluster, DEPLOYMENTS, namespace, name, guard(to_count))
    return list(dict.fromkeys(changed))


def still_running(cluster: ManagementCluster, namespace: str, names: Iterable[str]) -> list[str]:
    """What is not stopped yet, in words; empty: 0 wanted, 0 reported, and no pod left, terminating ones included."""
    there = {each["metadata"]["name"]: each for each in cluster.list_objects(DEPLOYMENTS, namespace)}
    pods = cluster.list_objects(PODS, namespace)
    found = []
    for name in names:
        if name not in there:
            continue
        deployment = there[name]
        # A selector may hold expressions too: by its labels alone we count too many pods, never too few.
        labels = deployment["spec"]["selector"].get("matchLabels") or {}
        left = [each for each in pods if labels.items() <= (each["metadata"].get("labels") or {}).items()]
        if _replicas(deployment):
            found.append(f"{name} scaled to 0 (it is at {_replicas(deployment)})")
        elif left:
            found.append(f"{len(left)} pod(s) of {name} gone")
        elif (deployment.get("status") or {}).get("replicas"):
            found.append(f"{name} to report 0 replicas")
    return found


def not_ready(
    cluster: ManagementCluster, namespace: str, replicas: Mapping[str, int], ready: Mapping[str, int]
) -> list[str]:
    """Which Deployments do not have their count, or fewer ready pods than they had, in words."""
    there = {each["metadata"]["name"]: each for each in cluster.list_objects(DEPLOYMENTS, namespace)}
    found = []
    for name, count in replicas.items():
        if name not in there:
            found.append(f"Deployment {name} (it is gone)")
        elif (now := _replicas(there[name])) != count:
            found.append(f"{name} at {count} replicas (it is at {now})")
        elif (now := _ready(there[name])) < ready.get(name, 0):
            found.append(f"{name} ready ({now} of {ready[name]})")
    return found


def _replicas(deployment: Manifest) -> int:
    """Kubernetes' default is 1."""
    count = deployment["spec"].get("replicas")
    return 1 if count is None else int(count)


def _ready(deployment: Manifest) -> int:
    return int((deployment.get("status") or {}).get("readyReplicas") or 0)
