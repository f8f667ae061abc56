"""New pods of the destination's ExternalDNS, so that it looks at the zone as it is now.

HyperShift installs it with `--txt-cache-interval=1h`: for that long it takes names that the source has withdrawn for
the source's and does not claim them. A new process reads the zone first.
"""

from __future__ import annotations

from collections.abc import Sequence

from lifeboat.errors import RestoreFailedError
from lifeboat.model import Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import DEPLOYMENTS, PODS
from lifeboat.restore.destination import OPERATOR_NAMESPACE

NAME = "external-dns"


def delete_pods(cluster: ManagementCluster) -> list[str]:
    """Delete the pods that run now; returns their uids. Doing it twice costs a restart more."""
    pods = _pods(cluster)
    for each in pods:
        cluster.delete(PODS, OPERATOR_NAMESPACE, each["metadata"]["name"], uid=each["metadata"]["uid"])
    return [each["metadata"]["uid"] for each in pods]


def waiting_for(cluster: ManagementCluster, old: Sequence[str]) -> list[str]:
    """What is still to come before only new, ready pods are there."""
    deployment, pods = _deployment(cluster), _pods(cluster)
    count = deployment["spec"].get("replicas")
    wanted = 1 if count is None else int(count)
    waiting = [f"{each['metadata']['name']} to be gone" for each in pods if each["metadata"]["uid"] in old]
    ready = sum(_is_ready(each) for each in pods if each["metadata"]["uid"] not in old)
    told = (deployment.get("status") or {}).get("readyReplicas") or 0
    if min(ready, told) < wanted:
        waiting.append(f"new pods of {NAME} ready ({min(ready, told)} of {wanted})")
    return waiting


def _deployment(cluster: ManagementCluster) -> Manifest:
    deployment = cluster.get(DEPLOYMENTS, OPERATOR_NAMESPACE, NAME)
    if deployment is None:
        msg = f"{cluster.name} has no Deployment {OPERATOR_NAMESPACE}/{NAME} any more: public names would not move"
        raise RestoreFailedError(msg)
    return deployment


def _pods(cluster: ManagementCluster) -> list[Manifest]:
    labels = _deployment(cluster)["spec"]["selector"].get("matchLabels") or {}
    return [
        each
        for each in cluster.list_objects(PODS, OPERATOR_NAMESPACE)
        if labels.items() <= (each["metadata"].get("labels") or {}).items()
        and (each.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}
    ]


def _is_ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    leaving = pod["metadata"].get("deletionTimestamp")
    return not leaving and any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
