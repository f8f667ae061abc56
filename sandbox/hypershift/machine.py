"""Cluster API's Machine controller: ties a Machine to its AWSMachine and its Node; deletes one with the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.client import AWS_MACHINES, CLUSTERS, MACHINES, SECRETS
from sandbox.controllers.pods import is_leaving
from sandbox.hypershift.carriers import LOOK_AGAIN
from sandbox.hypershift.cluster_api import RelatedKeys, adopt, cluster_of, is_paused
from sandbox.hypershift.names import CAPI_CLUSTER_LABEL, hosted_cluster_of
from sandbox.informer import Controller, Key
from sandbox.objects import labels_of, set_finalizer, status_of, update_status, with_conditions

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.controllers.context import Context
    from sandbox.hypershift.carriers import Carriers
    from sandbox.hypershift.guest import GuestNode, Guests

MACHINE_FINALIZER = "machine.cluster.x-k8s.io"
_REQUEUE_SECONDS = 2.0


class _Machines:
    def __init__(self, context: Context, carriers: Carriers, guests: Guests) -> None:
        self._client = context.client
        self._carriers = carriers
        self._guests = guests

    def reconcile(self, key: Key) -> float | None:
        client, namespace = self._client, key[0]
        machine = client.get(MACHINES, key[1], namespace)
        if machine is None:
            return None
        if not self._carriers.cluster_api(namespace):
            return LOOK_AGAIN
        cluster = cluster_of(client, machine)
        if cluster is None or is_paused(cluster, machine):
            return 1.0
        infrastructure = client.get(AWS_MACHINES, machine["spec"]["infrastructureRef"]["name"], namespace)
        if is_leaving(machine):
            return self._delete(machine, infrastructure)
        machine = set_finalizer(client, MACHINES, machine, MACHINE_FINALIZER, present=True)
        if infrastructure is not None:
            infrastructure = self._tie(machine, infrastructure)
            provider_id = infrastructure["spec"].get("providerID")
            if provider_id and machine["spec"].get("providerID") != provider_id:
                machine = client.patch(MACHINES, key[1], {"spec": {"providerID": provider_id}}, namespace)
        self._write_status(cluster, machine, infrastructure)
        return _REQUEUE_SECONDS

    def _tie(self, machine: Object, infrastructure: Object) -> Object:
        """The AWSMachine's owner becomes the Machine, in place of the MachineSet that cloned it."""
        owners = infrastructure["metadata"].get("ownerReferences") or []
        kept = [each for each in owners if each["kind"] != "MachineSet"]
        if kept != owners or not any(each["uid"] == machine["metadata"]["uid"] for each in kept):
            metadata = infrastructure["metadata"]
            bare = {**infrastructure, "metadata": {**metadata, "ownerReferences": kept}}
            infrastructure = adopt(self._client, AWS_MACHINES, bare, machine)
        name = labels_of(machine).get(CAPI_CLUSTER_LABEL) or machine["spec"]["clusterName"]
        if labels_of(infrastructure).get(CAPI_CLUSTER_LABEL) != name:
            patch = {"metadata": {"labels": {CAPI_CLUSTER_LABEL: name}}}
            metadata = infrastructure["metadata"]
            infrastructure = self._client.patch(AWS_MACHINES, metadata["name"], patch, metadata["namespace"])
        return infrastructure

    def _delete(self, machine: Object, infrastructure: Object | None) -> float | None:
        metadata = machine["metadata"]
        if infrastructure is not None:
            self._client.delete(AWS_MACHINES, infrastructure["metadata"]["name"], metadata["namespace"])
            status = {**status_of(machine), "phase": "Deleting"}
            update_status(self._client, MACHINES, machine, status)
            return 0.5
        set_finalizer(self._client, MACHINES, machine, MACHINE_FINALIZER, present=False)
        return None

    def _write_status(self, cluster: Object, machine: Object, infrastructure: Object | None) -> None:
        namespace = machine["metadata"]["namespace"]
        bootstrap = machine["spec"]["bootstrap"].get("dataSecretName")
        has_bootstrap = bool(bootstrap) and self._client.get(SECRETS, bootstrap, namespace) is not None
        ready = bool(infrastructure and status_of(infrastructure).get("ready"))
        node = self._node(cluster, machine)
        reference = status_of(machine).get("nodeRef")
        if node is not None:
            reference = {"apiVersion": "v1", "kind": "Node", "name": node.name}
        if reference and ready:
            phase = "Running"
        elif ready:
            phase = "Provisioned"
        else:
            phase = "Provisioning" if has_bootstrap else "Pending"
        healthy = node is not None and node.ready
        status = {
            **status_of(machine),
            "phase": phase,
            "bootstrapReady": has_bootstrap,
            "infrastructureReady": ready,
            "observedGeneration": machine["metadata"].get("generation", 1),
            "conditions": with_conditions(
                status_of(machine).get("conditions"),
                [
                    ("Ready", str(ready), "Ready" if ready else "WaitingForInfrastructure", ""),
                    ("BootstrapReady", str(has_bootstrap), "Ready" if has_bootstrap else "WaitingForDataSecret", ""),
                    ("InfrastructureReady", str(ready), "Ready" if ready else "WaitingForInfrastructure", ""),
                    ("NodeHealthy", str(healthy), "Ready" if healthy else "NodeConditionsFailed", ""),
                ],
                bare=True,
            ),
        }
        if reference:
            status["nodeRef"] = reference
        update_status(self._client, MACHINES, machine, status)

    def _node(self, cluster: Object, machine: Object) -> GuestNode | None:
        key = hosted_cluster_of(cluster)
        provider_id = machine["spec"].get("providerID")
        if key is None or not provider_id:
            return None
        view = self._guests.view(key)
        return view.node_of(provider_id) if view.serves else None


def machine_controller(context: Context, carriers: Carriers, guests: Guests) -> Controller:
    work = _Machines(context, carriers, guests)
    related = RelatedKeys(context, MACHINES)

    def machine_of(infrastructure: Object) -> list[Key]:
        return [(infrastructure["metadata"]["namespace"], infrastructure["metadata"]["name"])]

    return (
        Controller("capi-machine", work.reconcile, resync=5.0)
        .watch(context.informers.of(MACHINES))
        .watch(context.informers.of(AWS_MACHINES), machine_of)
        .watch(context.informers.of(CLUSTERS), related)
    )
