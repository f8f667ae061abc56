"""Cluster API: Clusters and MachineDeployments. While unpaused, it adopts orphans by selector."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from sandbox.client import (
    AWS_CLUSTERS,
    AWS_MACHINE_TEMPLATES,
    CLUSTERS,
    HOSTED_CONTROL_PLANES,
    MACHINE_DEPLOYMENTS,
    MACHINE_SETS,
    MACHINES,
)
from sandbox.controllers.pods import is_leaving
from sandbox.hypershift.carriers import LOOK_AGAIN
from sandbox.hypershift.names import CAPI_CLUSTER_LABEL, PAUSED_ANNOTATION
from sandbox.informer import Controller, Key, key_of, split_selector
from sandbox.objects import (
    digest,
    is_controlled_by,
    labels_of,
    owner_reference,
    set_finalizer,
    status_of,
    update_status,
)

if TYPE_CHECKING:
    from sandbox.client import Client, Object, Objects, Resource
    from sandbox.controllers.context import Context
    from sandbox.hypershift.carriers import Carriers

CLUSTER_FINALIZER = "cluster.cluster.x-k8s.io"
DEPLOYMENT_FINALIZER = "cluster.x-k8s.io/machinedeployment"
TEMPLATE_HASH = "machine-template-hash"
DEPLOYMENT_NAME = "cluster.x-k8s.io/deployment-name"


def is_paused(cluster: Object, obj: Object) -> bool:
    """Whether the Cluster or the object itself is paused."""
    return bool(cluster["spec"].get("paused")) or PAUSED_ANNOTATION in (obj["metadata"].get("annotations") or {})


def cluster_of(client: Client, obj: Object) -> Object | None:
    """The Cluster that `spec.clusterName` or the label names."""
    name = obj["spec"].get("clusterName") or labels_of(obj).get(CAPI_CLUSTER_LABEL, "")
    return client.get(CLUSTERS, name, obj["metadata"]["namespace"]) if name else None


def adopt(client: Client, resource: Resource, obj: Object, owner: Object, *, controller: bool = True) -> Object:
    """Make `owner` an owner of `obj`; references to others stay."""
    references = obj["metadata"].get("ownerReferences") or []
    if any(each["uid"] == owner["metadata"]["uid"] for each in references):
        return obj
    metadata = obj["metadata"]
    patch = {
        "metadata": {
            "ownerReferences": [*references, owner_reference(owner, controller=controller)],
            "resourceVersion": metadata["resourceVersion"],
        }
    }
    return client.patch(resource, metadata["name"], patch, metadata["namespace"])


class _ClusterApi:
    def __init__(self, context: Context, carriers: Carriers) -> None:
        self._client = context.client
        self._carriers = carriers

    def reconcile_cluster(self, key: Key) -> float | None:
        client, namespace = self._client, key[0]
        cluster = client.get(CLUSTERS, key[1], namespace)
        if cluster is None:
            return None
        if not self._carriers.cluster_api(namespace):
            return LOOK_AGAIN
        if is_paused(cluster, cluster):
            return None
        if is_leaving(cluster):
            return self._delete_cluster(cluster)
        cluster = set_finalizer(client, CLUSTERS, cluster, CLUSTER_FINALIZER, present=True)
        ready = True
        for resource, field in ((AWS_CLUSTERS, "infrastructureRef"), (HOSTED_CONTROL_PLANES, "controlPlaneRef")):
            found = client.get(resource, cluster["spec"][field]["name"], namespace)
            if found is None:
                ready = False
            else:
                adopt(client, resource, found, cluster)
        status = {
            **status_of(cluster),
            "phase": "Provisioned" if ready else "Provisioning",
            "infrastructureReady": ready,
            "controlPlaneReady": ready,
            "observedGeneration": cluster["metadata"].get("generation", 1),
        }
        update_status(client, CLUSTERS, cluster, status)
        return None if ready else 1.0

    def _delete_cluster(self, cluster: Object) -> float | None:
        """Machines first, then infrastructure and control plane, then the Cluster itself."""
        client, namespace, name = self._client, cluster["metadata"]["namespace"], cluster["metadata"]["name"]
        for resource in (MACHINE_DEPLOYMENTS, MACHINE_SETS, MACHINES):
            left = [each for each in client.list(resource, namespace) if each["spec"].get("clusterName") == name]
            for each in left:
                client.delete(resource, each["metadata"]["name"], namespace)
            if left:
                return 0.5
        for resource, field in ((AWS_CLUSTERS, "infrastructureRef"), (HOSTED_CONTROL_PLANES, "controlPlaneRef")):
            if client.delete(resource, cluster["spec"][field]["name"], namespace):
                return 0.5
        set_finalizer(client, CLUSTERS, cluster, CLUSTER_FINALIZER, present=False)
        return None

    def reconcile_deployment(self, key: Key) -> float | None:
        client = self._client
        found = client.get(MACHINE_DEPLOYMENTS, key[1], key[0])
        if found is None:
            return None
        if not self._carriers.cluster_api(key[0]):
            return LOOK_AGAIN
        cluster = cluster_of(client, found)
        if cluster is None or is_paused(cluster, found):
            return 1.0
        return self._delete_deployment(found) if is_leaving(found) else self._ensure_sets(found, cluster)

    def _delete_deployment(self, found: Object) -> float | None:
        sets = self._sets_of(found)
        for each in sets:
            self._client.delete(MACHINE_SETS, each["metadata"]["name"], found["metadata"]["namespace"])
        if sets:
            return 0.5
        set_finalizer(self._client, MACHINE_DEPLOYMENTS, found, DEPLOYMENT_FINALIZER, present=False)
        return None

    def _ensure_sets(self, found: Object, cluster: Object) -> float | None:
        client, namespace = self._client, found["metadata"]["namespace"]
        sets = self._sets_of(found)
        found = set_finalizer(client, MACHINE_DEPLOYMENTS, found, DEPLOYMENT_FINALIZER, present=True)
        found = adopt(client, MACHINE_DEPLOYMENTS, found, cluster, controller=False)
        template = client.get(
            AWS_MACHINE_TEMPLATES, found["spec"]["template"]["spec"]["infrastructureRef"]["name"], namespace
        )
        if template is None:
            return 1.0
        adopt(client, AWS_MACHINE_TEMPLATES, template, cluster, controller=False)
        current = next((each for each in sets if _same_machines(each, found)), None)
        if current is None:
            replicas = found["spec"].get("replicas", 1) if not sets else 0
            current = client.create(MACHINE_SETS, _machine_set(found, replicas))
            sets.append(current)
        again = self._roll(found, current, sets)
        _deployment_status(client, found, current, sets)
        return again

    def _sets_of(self, deployment: Object) -> Objects:
        sets = []
        for each in self._client.list(MACHINE_SETS, deployment["metadata"]["namespace"]):
            selected = split_selector(labels_of(each), deployment["spec"]["selector"]["matchLabels"])
            if is_controlled_by(each, deployment):
                sets.append(each)
            elif selected and not has_controller(each) and not is_leaving(deployment):
                sets.append(adopt(self._client, MACHINE_SETS, each, deployment))
        return sets

    def _roll(self, deployment: Object, current: Object, sets: Objects) -> float | None:
        """Surge one, then take one of the old away, until only the current set has machines."""
        wanted = deployment["spec"].get("replicas", 1)
        old = [each for each in sets if each is not current and each["spec"].get("replicas", 0) > 0]
        total = sum(each["spec"].get("replicas", 0) for each in sets)
        size = current["spec"].get("replicas", 0)
        if not old:
            if size != wanted:
                self._scale(current, wanted)
            return None
        if size < wanted and total <= wanted:
            self._scale(current, size + 1)
        elif sum(status_of(each).get("availableReplicas", 0) for each in sets) > wanted or size >= wanted:
            self._scale(old[0], old[0]["spec"]["replicas"] - 1)
        return 1.0

    def _scale(self, machine_set: Object, replicas: int) -> None:
        metadata = machine_set["metadata"]
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "spec": {"replicas": replicas}}
        self._client.patch(MACHINE_SETS, metadata["name"], patch, metadata["namespace"])


def cluster_api_controllers(context: Context, carriers: Carriers) -> list[Controller]:
    work = _ClusterApi(context, carriers)
    informers = context.informers

    def related(resource: Resource) -> RelatedKeys:
        return RelatedKeys(context, resource)

    return [
        Controller("capi-cluster", work.reconcile_cluster, resync=5.0)
        .watch(informers.of(CLUSTERS))
        .watch(informers.of(AWS_CLUSTERS), related(CLUSTERS))
        .watch(informers.of(HOSTED_CONTROL_PLANES), related(CLUSTERS)),
        Controller("capi-deployment", work.reconcile_deployment, resync=5.0)
        .watch(informers.of(MACHINE_DEPLOYMENTS))
        .watch(informers.of(CLUSTERS), related(MACHINE_DEPLOYMENTS))
        .watch(informers.of(MACHINE_SETS), related(MACHINE_DEPLOYMENTS)),
    ]


class RelatedKeys:
    """For `Controller.watch`: all objects of a resource in the namespace of what changed; there are few."""

    def __init__(self, context: Context, resource: Resource) -> None:
        self._informer = context.informers.of(resource)

    def __call__(self, obj: Object) -> list[Key]:
        return [key_of(each) for each in self._informer.list(obj["metadata"]["namespace"])]


def has_controller(obj: Object) -> bool:
    """Whether somebody controls the object; if so, nobody else may adopt it."""
    return any(each.get("controller") for each in obj["metadata"].get("ownerReferences") or [])


def _made_of(template: Object) -> list[object]:
    spec = template["spec"]
    return [
        spec.get("clusterName"),
        spec["bootstrap"].get("dataSecretName"),
        spec["infrastructureRef"]["name"],
        spec.get("version"),
    ]


def _same_machines(machine_set: Object, deployment: Object) -> bool:
    return _made_of(machine_set["spec"]["template"]) == _made_of(deployment["spec"]["template"])


def _machine_set(deployment: Object, replicas: int) -> Object:
    template = copy.deepcopy(deployment["spec"]["template"])
    made_of = digest(_made_of(template), 10)
    name = deployment["metadata"]["name"]
    labels = {
        **((template.get("metadata") or {}).get("labels") or {}),
        TEMPLATE_HASH: made_of,
        DEPLOYMENT_NAME: name,
    }
    template["metadata"] = {**(template.get("metadata") or {}), "labels": labels}
    selector = {**deployment["spec"]["selector"]["matchLabels"], TEMPLATE_HASH: made_of}
    annotations = {
        key: value
        for key, value in (deployment["metadata"].get("annotations") or {}).items()
        if key.startswith("hypershift.openshift.io/")
    }
    return {
        "metadata": {
            "name": f"{name}-{made_of[:5]}",
            "namespace": deployment["metadata"]["namespace"],
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "clusterName": deployment["spec"]["clusterName"],
            "replicas": replicas,
            "selector": {"matchLabels": selector},
            "template": template,
        },
    }


def _deployment_status(client: Client, deployment: Object, current: Object, sets: Objects) -> None:
    def total(field: str) -> int:
        return sum(status_of(each).get(field, 0) for each in sets)

    wanted = deployment["spec"].get("replicas", 1)
    available = total("availableReplicas")
    status = {
        **status_of(deployment),
        "observedGeneration": deployment["metadata"].get("generation", 1),
        "replicas": total("replicas"),
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": available,
        "updatedReplicas": status_of(current).get("replicas", 0),
        "unavailableReplicas": max(0, wanted - available),
        "phase": "Running" if available >= wanted else "ScalingUp",
        "selector": ",".join(f"{key}={value}" for key, value in deployment["spec"]["selector"]["matchLabels"].items()),
    }
    update_status(client, MACHINE_DEPLOYMENTS, deployment, status)
