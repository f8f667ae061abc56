"""Cluster API's MachineSet controller: adopts machines by selector, makes missing ones, deletes a surplus.

A set that is unpaused before its machines are there sees too few and makes new ones.
"""

from __future__ import annotations

import copy
import secrets
from typing import TYPE_CHECKING

from sandbox.client import AWS_MACHINE_TEMPLATES, AWS_MACHINES, CLUSTERS, MACHINE_SETS, MACHINES, ApiError
from sandbox.controllers.pods import is_leaving
from sandbox.hypershift.carriers import LOOK_AGAIN
from sandbox.hypershift.cluster_api import RelatedKeys, adopt, cluster_of, has_controller, is_paused
from sandbox.informer import Controller, Key, split_selector
from sandbox.objects import is_controlled_by, labels_of, owner_reference, set_finalizer, status_of, update_status

if TYPE_CHECKING:
    from sandbox.client import Object, Objects
    from sandbox.controllers.context import Context
    from sandbox.hypershift.carriers import Carriers

SET_FINALIZER = "cluster.x-k8s.io/machineset"
SET_NAME = "cluster.x-k8s.io/set-name"


class _MachineSets:
    def __init__(self, context: Context, carriers: Carriers) -> None:
        self._client = context.client
        self._carriers = carriers

    def reconcile(self, key: Key) -> float | None:
        client = self._client
        found = client.get(MACHINE_SETS, key[1], key[0])
        if found is None:
            return None
        if not self._carriers.cluster_api(key[0]):
            return LOOK_AGAIN
        cluster = cluster_of(client, found)
        if cluster is None or is_paused(cluster, found):
            return 1.0
        machines = self._machines_of(found)
        if is_leaving(found):
            for each in machines:
                client.delete(MACHINES, each["metadata"]["name"], key[0])
            if machines:
                return 0.5
            set_finalizer(client, MACHINE_SETS, found, SET_FINALIZER, present=False)
            return None
        found = set_finalizer(client, MACHINE_SETS, found, SET_FINALIZER, present=True)
        present = [each for each in machines if not is_leaving(each)]
        wanted = found["spec"].get("replicas", 1)
        present += [self._create_machine(found) for _ in range(wanted - len(present))]
        surplus = sorted(present, key=lambda each: str(each["metadata"]["creationTimestamp"]))[wanted:]
        for machine in surplus:
            client.delete(MACHINES, machine["metadata"]["name"], key[0], uid=machine["metadata"]["uid"])
            present.remove(machine)
        ready = sum(status_of(each).get("phase") == "Running" for each in present)
        status = {
            **status_of(found),
            "observedGeneration": found["metadata"].get("generation", 1),
            "replicas": len(present),
            "fullyLabeledReplicas": len(present),
            "readyReplicas": ready,
            "availableReplicas": ready,
        }
        update_status(client, MACHINE_SETS, found, status)
        return None

    def _machines_of(self, machine_set: Object) -> Objects:
        machines = []
        for each in self._client.list(MACHINES, machine_set["metadata"]["namespace"]):
            selected = split_selector(labels_of(each), machine_set["spec"]["selector"]["matchLabels"])
            if is_controlled_by(each, machine_set):
                machines.append(each)
            elif selected and not has_controller(each) and not is_leaving(each) and not is_leaving(machine_set):
                machines.append(adopt(self._client, MACHINES, each, machine_set))
        return machines

    def _create_machine(self, machine_set: Object) -> Object:
        """An AWSMachine cloned from the template, then the Machine that refers to it."""
        client, namespace = self._client, machine_set["metadata"]["namespace"]
        template = copy.deepcopy(machine_set["spec"]["template"])
        reference = template["spec"]["infrastructureRef"]
        source = client.get(AWS_MACHINE_TEMPLATES, reference["name"], namespace)
        if source is None:
            raise ApiError(404, "NotFound", f"AWSMachineTemplate {namespace}/{reference['name']}")
        name = f"{machine_set['metadata']['name']}-{secrets.token_hex(3)[:5]}"
        metadata = template.get("metadata") or {}
        labels = {**(metadata.get("labels") or {}), SET_NAME: machine_set["metadata"]["name"]}
        cloned = {
            "cluster.x-k8s.io/cloned-from-name": reference["name"],
            "cluster.x-k8s.io/cloned-from-groupkind": "AWSMachineTemplate.infrastructure.cluster.x-k8s.io",
        }
        annotations = metadata.get("annotations") or {}
        common = {"name": name, "namespace": namespace, "labels": labels}
        client.create(
            AWS_MACHINES,
            {
                "metadata": {
                    **common,
                    "annotations": {**annotations, **cloned},
                    "ownerReferences": [owner_reference(machine_set, controller=False, block=False)],
                },
                "spec": source["spec"]["template"]["spec"],
            },
        )
        template["spec"]["infrastructureRef"] = {
            "apiVersion": AWS_MACHINES.api_version,
            "kind": "AWSMachine",
            "name": name,
            "namespace": namespace,
        }
        owned = {**common, "annotations": annotations, "ownerReferences": [owner_reference(machine_set)]}
        return client.create(MACHINES, {"metadata": owned, "spec": template["spec"]})


def machine_set_controller(context: Context, carriers: Carriers) -> Controller:
    work, related = _MachineSets(context, carriers), RelatedKeys(context, MACHINE_SETS)
    return (
        Controller("capi-set", work.reconcile, resync=5.0)
        .watch(context.informers.of(MACHINE_SETS))
        .watch(context.informers.of(CLUSTERS), related)
        .watch(context.informers.of(MACHINES), related)
    )
