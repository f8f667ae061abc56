"""Deployments through ReplicaSets, and the ReplicaSets' pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.client import DEPLOYMENTS, PODS, REPLICA_SETS
from sandbox.controllers.pods import is_finished, is_leaving, owned_pods, owner_keys, pod_from_template
from sandbox.informer import Controller, Key
from sandbox.objects import (
    digest,
    is_controlled_by,
    is_ready,
    owner_reference,
    status_of,
    update_status,
    with_conditions,
)

if TYPE_CHECKING:
    from sandbox.client import Client, Object, Objects
    from sandbox.controllers.context import Context

_HASH = "pod-template-hash"


def deployment_controller(context: Context) -> Controller:
    def reconcile(key: Key) -> None:
        found = context.client.get(DEPLOYMENTS, key[1], key[0])
        if found is not None and not is_leaving(found):
            _reconcile_deployment(context.client, found)

    return (
        Controller("deployment", reconcile)
        .watch(context.informers.of(DEPLOYMENTS))
        .watch(context.informers.of(REPLICA_SETS), owner_keys("Deployment"))
    )


def replica_set_controller(context: Context) -> Controller:
    def reconcile(key: Key) -> None:
        found = context.client.get(REPLICA_SETS, key[1], key[0])
        if found is not None and not is_leaving(found):
            _reconcile_replica_set(context.client, found)

    return (
        Controller("replica-set", reconcile, workers=2)
        .watch(context.informers.of(REPLICA_SETS))
        .watch(context.informers.of(PODS), owner_keys("ReplicaSet"))
    )


def _reconcile_deployment(client: Client, owner: Object) -> None:
    replicas = owner["spec"].get("replicas", 1)
    namespace, name = owner["metadata"]["namespace"], owner["metadata"]["name"]
    revision = digest(owner["spec"]["template"], 10)
    sets = [each for each in client.list(REPLICA_SETS, namespace) if is_controlled_by(each, owner)]
    current = next((each for each in sets if each["metadata"]["name"] == f"{name}-{revision}"), None)
    if current is None:
        current = client.create(REPLICA_SETS, _replica_set(owner, revision, replicas))
        sets.append(current)
    elif current["spec"]["replicas"] != replicas:
        client.patch(REPLICA_SETS, current["metadata"]["name"], {"spec": {"replicas": replicas}}, namespace)
    # Old pods leave once the new ones serve, or at once when nothing shall run.
    if replicas == 0 or status_of(current).get("readyReplicas", 0) >= replicas:
        for old in sets:
            if old is not current and old["spec"]["replicas"] > 0:
                client.patch(REPLICA_SETS, old["metadata"]["name"], {"spec": {"replicas": 0}}, namespace)
    _write_deployment_status(client, owner, sets, current)


def _replica_set(owner: Object, revision: str, replicas: int) -> Object:
    template = owner["spec"]["template"]
    labels = {**((template.get("metadata") or {}).get("labels") or {}), _HASH: revision}
    return {
        "metadata": {
            "name": f"{owner['metadata']['name']}-{revision}",
            "namespace": owner["metadata"]["namespace"],
            "labels": labels,
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {**owner["spec"]["selector"]["matchLabels"], _HASH: revision}},
            "template": {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}},
        },
    }


def _write_deployment_status(client: Client, owner: Object, sets: Objects, current: Object) -> None:
    def total(field: str) -> int:
        return sum(status_of(each).get(field, 0) for each in sets)

    replicas = owner["spec"].get("replicas", 1)
    available = total("availableReplicas")
    enough = available >= replicas
    status = {
        **status_of(owner),
        "observedGeneration": owner["metadata"].get("generation", 1),
        "replicas": total("replicas"),
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": available,
        "updatedReplicas": status_of(current).get("replicas", 0),
        "unavailableReplicas": max(0, replicas - available),
        "conditions": with_conditions(
            status_of(owner).get("conditions"),
            [
                (
                    "Available",
                    str(enough),
                    "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
                    f"{available} of {replicas} replicas are available",
                )
            ],
        ),
    }
    update_status(client, DEPLOYMENTS, owner, status)


def _reconcile_replica_set(client: Client, owner: Object) -> None:
    replicas = owner["spec"].get("replicas", 1)
    pods = [pod for pod in owned_pods(client, owner) if not is_leaving(pod)]
    for pod in [each for each in pods if is_finished(each)]:
        client.delete(PODS, pod["metadata"]["name"], pod["metadata"]["namespace"], uid=pod["metadata"]["uid"])
        pods.remove(pod)
    pods += [
        client.create(PODS, pod_from_template(owner, None, owner["spec"]["template"]))
        for _ in range(replicas - len(pods))
    ]
    surplus = sorted(pods, key=is_ready)[: max(0, len(pods) - replicas)]  # those that do not serve go first
    for pod in surplus:
        client.delete(PODS, pod["metadata"]["name"], pod["metadata"]["namespace"], uid=pod["metadata"]["uid"])
        pods.remove(pod)
    ready = sum(is_ready(pod) for pod in pods)
    status = {
        **status_of(owner),
        "observedGeneration": owner["metadata"].get("generation", 1),
        "replicas": len(pods),
        "fullyLabeledReplicas": len(pods),
        "readyReplicas": ready,
        "availableReplicas": ready,
    }
    update_status(client, REPLICA_SETS, owner, status)
