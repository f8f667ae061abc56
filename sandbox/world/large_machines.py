"""The bodies of a large hosted cluster's machines, and of what Cluster API makes them from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.client import (
    AWS_MACHINE_TEMPLATES,
    AWS_MACHINES,
)
from sandbox.hypershift.aws_provider import FINALIZER as AWS_MACHINE_FINALIZER
from sandbox.hypershift.cluster_api import DEPLOYMENT_FINALIZER, DEPLOYMENT_NAME, TEMPLATE_HASH
from sandbox.hypershift.machine import MACHINE_FINALIZER
from sandbox.hypershift.machine_set import SET_FINALIZER, SET_NAME
from sandbox.hypershift.names import (
    CAPI_CLUSTER_LABEL,
)
from sandbox.objects import owner_reference
from sandbox.plan import ZONES
from sandbox.world.large_hosted import HostedBodies, pool_hash

if TYPE_CHECKING:
    from sandbox.client import Object, Objects

_TIME = "2026-11-01T08:00:00Z"


class Bodies(HostedBodies):
    """Every object of one large hosted cluster."""

    def _machine_spec(self, pool: str) -> Object:
        """Of an AWSMachine."""
        return {
            "instanceType": "m6i.large",
            "ami": {"id": "ami-0a1b2c3d4e5f67890"},
            "iamInstanceProfile": f"{self._seed.infra_id}-worker",
            "subnet": {"id": f"subnet-{self._seed.pools().index(pool) % len(ZONES)}"},
            "additionalTags": {f"kubernetes.io/cluster/{self._seed.infra_id}": "owned"},
            "rootVolume": {"size": 120, "type": "gp3"},
            "uncompressedUserData": True,
        }

    def template(self, pool: str, owner: Object) -> Object:
        metadata = self._capi(f"{pool}-{pool_hash(pool)}", None, self.of_pool(pool))
        spec = {"template": {"spec": self._machine_spec(pool)}}
        return {"metadata": {**metadata, "ownerReferences": [owner]}, "spec": spec}

    def _selector(self, pool: str) -> dict[str, str]:
        return {f"{self._seed.infra_id}-{pool}": f"{self._seed.infra_id}-{pool}"}

    def deployment(self, pool: str, template: str, owner: Object) -> Object:
        replicas = self._replicas(self._seed.pools().index(pool))
        spec = {
            "clusterName": self._seed.infra_id,
            "bootstrap": {"dataSecretName": f"user-data-{pool}-{pool_hash(pool)}"},
            "infrastructureRef": {
                "apiVersion": AWS_MACHINE_TEMPLATES.api_version,
                "kind": AWS_MACHINE_TEMPLATES.kind,
                "name": template,
                "namespace": self._inner,
            },
            "version": "4.17.12",
        }
        labels = {**self._selector(pool), CAPI_CLUSTER_LABEL: self._seed.infra_id}
        return {
            "metadata": {**self._capi(pool, DEPLOYMENT_FINALIZER, self.of_pool(pool)), "ownerReferences": [owner]},
            "spec": {
                "clusterName": self._seed.infra_id,
                "replicas": replicas,
                "selector": {"matchLabels": self._selector(pool)},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "template": {"metadata": {"labels": labels, "annotations": self.of_pool(pool)}, "spec": spec},
            },
            "status": {
                "phase": "Running",
                "replicas": replicas,
                "readyReplicas": replicas,
                "updatedReplicas": replicas,
            },
        }

    def machine_set(self, deployment: Object) -> Object:
        pool = deployment["metadata"]["name"]
        found = {TEMPLATE_HASH: pool_hash(pool), DEPLOYMENT_NAME: pool}
        metadata = self._capi(f"{pool}-{pool_hash(pool)[:5]}", SET_FINALIZER, self.of_pool(pool), **found)
        spec = {field: deployment["spec"][field] for field in ("clusterName", "replicas", "template")}
        selector = {"matchLabels": {**self._selector(pool), TEMPLATE_HASH: pool_hash(pool)}}
        template = spec["template"]
        labels = {**template["metadata"]["labels"], TEMPLATE_HASH: pool_hash(pool)}
        template = {**template, "metadata": {**template["metadata"], "labels": labels}}
        return {
            "metadata": {**metadata, "ownerReferences": [owner_reference(deployment)]},
            "spec": {**spec, "selector": selector, "template": template},
            "status": {"replicas": spec["replicas"], "readyReplicas": spec["replicas"]},
        }

    def machine(self, number: int, sets: Objects) -> Object:
        machine_set = sets[number % len(sets)]
        pool = self._seed.pools()[number % len(sets)]
        name = f"{machine_set['metadata']['name']}-{self._random.getrandbits(20):05x}{number:03d}"
        labels = {**machine_set["spec"]["template"]["metadata"]["labels"], SET_NAME: machine_set["metadata"]["name"]}
        template = machine_set["spec"]["template"]["spec"]
        reference = {"apiVersion": AWS_MACHINES.api_version, "kind": AWS_MACHINES.kind, "namespace": self._inner}
        conditions = ("Ready", "BootstrapReady", "InfrastructureReady", "NodeHealthy")
        metadata = self._capi(name, MACHINE_FINALIZER, self.of_pool(pool), **labels)
        return {
            "metadata": {**metadata, "ownerReferences": [owner_reference(machine_set)]},
            "spec": {
                **template,
                "infrastructureRef": {**reference, "name": name},
                "providerID": f"aws:///{ZONES[number % len(ZONES)]}/i-{self._random.getrandbits(68):017x}",
            },
            "status": {
                "phase": "Running",
                "bootstrapReady": True,
                "infrastructureReady": True,
                "nodeRef": {"apiVersion": "v1", "kind": "Node", "name": f"ip-10-0-{number // 250}-{number % 250}"},
                "conditions": [{"type": each, "status": "True", "lastTransitionTime": _TIME} for each in conditions],
            },
        }

    def aws_machine(self, number: int, machine: Object) -> Object:
        pool = self._seed.pools()[number % self._seed.node_pools]
        metadata = machine["metadata"]
        kept = {field: metadata[field] for field in ("name", "namespace", "labels", "annotations")}
        provider_id = machine["spec"]["providerID"]
        ready = {"type": "InstanceReady", "status": "True", "lastTransitionTime": _TIME}
        return {
            "metadata": {
                **kept,
                "finalizers": [AWS_MACHINE_FINALIZER],
                "ownerReferences": [owner_reference(machine, block=True)],
            },
            "spec": {
                **self._machine_spec(pool),
                "providerID": provider_id,
                "instanceID": provider_id.rpartition("/")[2],
            },
            "status": {
                "ready": True,
                "instanceState": "running",
                "addresses": [{"type": "InternalIP", "address": f"10.0.{number // 250}.{number % 250}"}],
                "conditions": [ready],
            },
        }
