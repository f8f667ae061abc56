"""Holding the source's HyperShift operator at zero replicas, and putting it back.

The operator serves every hosted cluster of its management cluster, so several operations may hold it at once. Each
adds its id to the annotation `lifeboat/held-by`; the first keeps the replica count in `lifeboat/replicas`; the last
one to leave puts that count back and removes both. One patch with the resourceVersion of the read does it, so two
holders never miss each other.

With the operator gone nobody answers its validating webhook, whose failure policy would refuse every change of
HostedClusters and NodePools. While held the policy is `Ignore`; what it was stands in an annotation beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lifeboat.edits import annotation, edit
from lifeboat.errors import TeardownRefusedError
from lifeboat.model import Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import DEPLOYMENTS, PODS, VALIDATING_WEBHOOKS

NAMESPACE, NAME = "hypershift", "operator"
WEBHOOK = "hypershift.openshift.io"
HELD_BY = "lifeboat/held-by"
REPLICAS = "lifeboat/replicas"
POLICIES = "lifeboat/failure-policies"


def hold(cluster: ManagementCluster, operation_id: str) -> dict[str, Any]:
    """Scale the operator to zero for this operation; returns who holds it now and the count to put back."""

    def take(deployment: Manifest) -> dict[str, Any] | None:
        held = holders(deployment)
        if operation_id in held and deployment["spec"].get("replicas") == 0:
            return None
        recorded = annotation(deployment, REPLICAS)
        count = recorded if held and recorded is not None else str(_replicas(deployment))
        names = ",".join(sorted({*held, operation_id}))
        return {"metadata": {"annotations": {HELD_BY: names, REPLICAS: count}}, "spec": {"replicas": 0}}

    deployment = edit(cluster, DEPLOYMENTS, NAMESPACE, NAME, take)
    if deployment is None:
        msg = f"{cluster.name} has no Deployment {NAMESPACE}/{NAME}: is it a management cluster?"
        raise TeardownRefusedError(msg)
    edit(cluster, VALIDATING_WEBHOOKS, None, WEBHOOK, _ignore_failures)
    return {"heldBy": holders(deployment), "replicas": int(annotation(deployment, REPLICAS) or 0)}


def running(cluster: ManagementCluster) -> list[str]:
    """What of the operator still runs, in words; pods that are terminating still act."""
    deployment = cluster.get(DEPLOYMENTS, NAMESPACE, NAME)
    if deployment is None:
        return []
    labels = deployment["spec"]["selector"].get("matchLabels") or {}
    pods = [
        each["metadata"]["name"]
        for each in cluster.list_objects(PODS, NAMESPACE)
        if labels.items() <= (each["metadata"].get("labels") or {}).items()
    ]
    found = [f"operator pod {name} to be gone" for name in pods]
    if _replicas(deployment):
        found.append(f"operator at 0 replicas (it is at {_replicas(deployment)})")
    elif not pods and (deployment.get("status") or {}).get("replicas"):
        found.append("operator to report 0 replicas")
    return found


def release(cluster: ManagementCluster, operation_id: str) -> dict[str, Any]:
    """Give up our hold. The last one puts back the recorded count, exactly; running it twice changes nothing."""
    put_back: list[int] = []

    def leave(deployment: Manifest) -> dict[str, Any] | None:
        held = holders(deployment)
        put_back.clear()
        if operation_id not in held:
            return None
        left = [each for each in held if each != operation_id]
        if left:
            return {"metadata": {"annotations": {HELD_BY: ",".join(left)}}}
        count = int(annotation(deployment, REPLICAS) or 0)
        put_back.append(count)
        return {"metadata": {"annotations": {HELD_BY: None, REPLICAS: None}}, "spec": {"replicas": count}}

    # The webhook first: with the operator back, what it refuses must be refused again.
    _restore_unless_held(cluster, {operation_id})
    deployment = edit(cluster, DEPLOYMENTS, NAMESPACE, NAME, leave)
    _restore_unless_held(cluster, set())  # of two that leave at once, each took the other for a holder
    return {
        "heldBy": holders(deployment) if deployment else [],
        "replicas": put_back[0] if put_back else None,
    }


def quiet_webhook(cluster: ManagementCluster) -> None:
    """Let the webhook's failures pass while the operator is held; who left a moment ago may have put them back."""
    deployment = cluster.get(DEPLOYMENTS, NAMESPACE, NAME)
    if deployment is not None and holders(deployment):
        edit(cluster, VALIDATING_WEBHOOKS, None, WEBHOOK, _ignore_failures)


def not_back(cluster: ManagementCluster) -> list[str]:
    """What the operator lacks to serve the other hosted clusters again; nothing while others hold it."""
    deployment = cluster.get(DEPLOYMENTS, NAMESPACE, NAME)
    if deployment is None or holders(deployment):
        return []
    ready = (deployment.get("status") or {}).get("readyReplicas") or 0
    count = _replicas(deployment)
    return [] if ready >= count else [f"operator ready ({ready} of {count})"]


def holders(deployment: Manifest) -> list[str]:
    """Operations that hold the operator."""
    return [each for each in (annotation(deployment, HELD_BY) or "").split(",") if each]


def _restore_unless_held(cluster: ManagementCluster, by: set[str]) -> None:
    """Put the webhook's policies back unless somebody else than these still holds the operator."""
    current = cluster.get(DEPLOYMENTS, NAMESPACE, NAME)
    if current is not None and set(holders(current)) <= by:
        edit(cluster, VALIDATING_WEBHOOKS, None, WEBHOOK, _restore_policies)


def _ignore_failures(configuration: Manifest) -> dict[str, Any] | None:
    """What the policies were is kept as it was first found; one that came since (an upgrade) is added to it."""
    webhooks = configuration.get("webhooks") or []
    if all(each.get("failurePolicy", "Fail") == "Ignore" for each in webhooks):
        return None
    recorded: dict[str, str] = json.loads(annotation(configuration, POLICIES) or "{}")
    was = {each["name"]: each.get("failurePolicy", "Fail") for each in webhooks} | recorded
    return {
        "metadata": {"annotations": {POLICIES: json.dumps(was, sort_keys=True)}},
        "webhooks": [{**each, "failurePolicy": "Ignore"} for each in webhooks],
    }


def _restore_policies(configuration: Manifest) -> dict[str, Any] | None:
    recorded = annotation(configuration, POLICIES)
    if recorded is None:
        return None
    was: Mapping[str, str] = json.loads(recorded)
    return {
        "metadata": {"annotations": {POLICIES: None}},
        "webhooks": [
            {**each, "failurePolicy": was.get(each["name"], each.get("failurePolicy", "Fail"))}
            for each in configuration.get("webhooks") or []
        ],
    }


def _replicas(deployment: Manifest) -> int:
    """Kubernetes' default is 1."""
    count = deployment["spec"].get("replicas")
    return 1 if count is None else int(count)
