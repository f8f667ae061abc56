"""The HyperShift operator's NodePool controller: MachineDeployments whose names tell what the machines were made of.

Names of bootstrap secret and template hold a hash. Whatever changes the hash (a config map that is missing or other,
a pull secret of another name) replaces every machine of the pool.
"""

from __future__ import annotations

import base64
import json
import secrets
from typing import TYPE_CHECKING

from sandbox.client import (
    AWS_MACHINE_TEMPLATES,
    CONFIG_MAPS,
    HOSTED_CLUSTERS,
    MACHINE_DEPLOYMENTS,
    MACHINE_HEALTH_CHECKS,
    MACHINE_SETS,
    MACHINES,
    NODE_POOLS,
    SECRETS,
)
from sandbox.controllers.pods import is_leaving
from sandbox.hypershift.carriers import LOOK_AGAIN
from sandbox.hypershift.names import (
    CAPI_CLUSTER_LABEL,
    FINALIZER,
    NODE_POOL_ANNOTATION,
    PAUSED_ANNOTATION,
    control_plane_namespace,
)
from sandbox.hypershift.node_pool_status import node_pool_status
from sandbox.hypershift.pausing import Pause
from sandbox.hypershift.release import version_of
from sandbox.informer import Controller, Key
from sandbox.objects import digest, owner_reference, set_finalizer, status_of

if TYPE_CHECKING:
    from sandbox.client import Object, Resource
    from sandbox.controllers.context import Context
    from sandbox.hypershift.carriers import Carriers
    from sandbox.hypershift.guest import Guests
    from sandbox.hypershift.writer import Writer

_REQUEUE_SECONDS = 2.0


class MissingConfigError(Exception):
    """A config map that a NodePool names does not exist."""


class _NodePools:
    def __init__(self, context: Context, carriers: Carriers, writer: Writer, guests: Guests) -> None:
        self._client = context.client
        self._carriers = carriers
        self._writer = writer
        self._guests = guests

    def reconcile(self, key: Key) -> float | None:
        pool = self._client.get(NODE_POOLS, key[1], key[0])
        if pool is None:
            return None
        hosted = self._client.get(HOSTED_CLUSTERS, pool["spec"]["clusterName"], key[0])
        if not self._carriers.operator():
            return LOOK_AGAIN
        if is_leaving(pool):
            return self._delete(pool, hosted)
        if hosted is None:
            return _REQUEUE_SECONDS
        pool = set_finalizer(self._client, NODE_POOLS, pool, FINALIZER, present=True)
        pool = self._own(pool, hosted)
        namespace = control_plane_namespace(hosted)
        pause = Pause.of(pool["spec"].get("pausedUntil"))
        bootstrap: str | None = None
        problem = ""
        if pause.paused:
            self._pause_machines(namespace, pool)
        if looked := bool(status_of(hosted).get("ignitionEndpoint")):
            try:
                bootstrap = self._made_of(hosted, pool)
                if not pause.paused:
                    self._make(hosted, pool, namespace, bootstrap)
            except MissingConfigError as error:
                bootstrap, problem = None, str(error)
        guest = self._guests.view((key[0], hosted["metadata"]["name"]))
        status, annotations = node_pool_status(
            self._writer, pool, namespace, pause, guest, bootstrap, problem, looked=looked
        )
        if annotations:
            pool = self._client.patch(NODE_POOLS, key[1], {"metadata": {"annotations": annotations}}, key[0])
        self._writer.status(NODE_POOLS, pool, status)
        return min(pause.seconds or _REQUEUE_SECONDS, _REQUEUE_SECONDS)

    def _own(self, pool: Object, hosted: Object) -> Object:
        owner = owner_reference(hosted, controller=False, block=False)
        if any(each["uid"] == owner["uid"] for each in pool["metadata"].get("ownerReferences") or []):
            return pool
        metadata = pool["metadata"]
        return self._client.patch(
            NODE_POOLS, metadata["name"], {"metadata": {"ownerReferences": [owner]}}, metadata["namespace"]
        )

    def _pause_machines(self, namespace: str, pool: Object) -> None:
        for resource in (MACHINE_DEPLOYMENTS, MACHINE_SETS):
            for each in self._writer.list(resource, namespace):
                annotations = each["metadata"].get("annotations") or {}
                if annotations.get(NODE_POOL_ANNOTATION) == _identity(pool) and PAUSED_ANNOTATION not in annotations:
                    patch = {"metadata": {"annotations": {PAUSED_ANNOTATION: "true"}}}
                    self._client.patch(resource, each["metadata"]["name"], patch, namespace)

    def _made_of(self, hosted: Object, pool: Object) -> str:
        """The hash of what machines are made of. Raises MissingConfigError."""
        config, version = self._config(pool), version_of(pool["spec"]["release"]["image"])
        trust_bundle = (hosted["spec"].get("additionalTrustBundle") or {}).get("name", "")
        return digest([config, version, hosted["spec"]["pullSecret"]["name"], trust_bundle])

    def _make(self, hosted: Object, pool: Object, namespace: str, made_of: str) -> None:
        """Bring the machines' objects up to date."""
        name, version = pool["metadata"]["name"], version_of(pool["spec"]["release"]["image"])
        annotation = {NODE_POOL_ANNOTATION: _identity(pool)}
        self._bootstrap_secrets(hosted, pool, namespace, made_of, annotation)
        template = _machine_template(hosted, pool, namespace, annotation)
        self._writer.ensure(AWS_MACHINE_TEMPLATES, template)
        deployment = _machine_deployment(hosted, pool, namespace, made_of, template["metadata"]["name"], version)
        self._writer.ensure(MACHINE_DEPLOYMENTS, deployment)
        for machine_set in self._writer.list(MACHINE_SETS, namespace):
            annotations = machine_set["metadata"].get("annotations") or {}
            if annotations.get(NODE_POOL_ANNOTATION) == _identity(pool) and PAUSED_ANNOTATION in annotations:
                patch = {"metadata": {"annotations": {PAUSED_ANNOTATION: None}}}
                self._client.patch(MACHINE_SETS, machine_set["metadata"]["name"], patch, namespace)
        if pool["spec"]["management"].get("autoRepair"):
            self._writer.ensure(MACHINE_HEALTH_CHECKS, health_check(hosted, pool, namespace, annotation))
        elif self._writer.get(MACHINE_HEALTH_CHECKS, name, namespace):
            self._client.delete(MACHINE_HEALTH_CHECKS, name, namespace)

    def _config(self, pool: Object) -> list[Object]:
        found = []
        for each in pool["spec"].get("config") or []:
            config_map = self._client.get(CONFIG_MAPS, each["name"], pool["metadata"]["namespace"])
            if config_map is None:
                raise MissingConfigError(f"ConfigMap {each['name']} not found")
            found.append(config_map.get("data") or {})
        return found

    def _bootstrap_secrets(
        self, hosted: Object, pool: Object, namespace: str, made_of: str, annotation: Object
    ) -> None:
        name = pool["metadata"]["name"]
        token_name, user_data_name = f"token-{name}-{made_of}", f"user-data-{name}-{made_of}"
        token = secrets.token_urlsafe(24)
        ignition = {
            "ignition": {
                "config": {"merge": [{"source": f"https://{status_of(hosted)['ignitionEndpoint']}/ignition"}]},
                "version": "3.2.0",
            }
        }
        for secret, data in (
            (token_name, {"token": token, "release": pool["spec"]["release"]["image"]}),
            (user_data_name, {"value": json.dumps(ignition), "format": "ignition"}),
        ):
            if self._client.get(SECRETS, secret, namespace) is None:
                encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
                metadata = {"name": secret, "namespace": namespace, "annotations": annotation}
                self._client.create(SECRETS, {"metadata": metadata, "type": "Opaque", "data": encoded})

    def _delete(self, pool: Object, hosted: Object | None) -> float | None:
        if hosted is not None:
            namespace = control_plane_namespace(hosted)
            annotation = _identity(pool)
            left = False
            resources: tuple[Resource, ...] = (MACHINE_HEALTH_CHECKS, MACHINE_DEPLOYMENTS, MACHINE_SETS, MACHINES)
            for resource in resources:
                for each in self._client.list(resource, namespace):
                    if (each["metadata"].get("annotations") or {}).get(NODE_POOL_ANNOTATION) == annotation:
                        left = True
                        if resource in (MACHINE_HEALTH_CHECKS, MACHINE_DEPLOYMENTS):
                            self._client.delete(resource, each["metadata"]["name"], namespace)
            if left:
                return 0.5
            for resource in (AWS_MACHINE_TEMPLATES, SECRETS):
                for each in self._client.list(resource, namespace):
                    if (each["metadata"].get("annotations") or {}).get(NODE_POOL_ANNOTATION) == annotation:
                        self._client.delete(resource, each["metadata"]["name"], namespace)
        set_finalizer(self._client, NODE_POOLS, pool, FINALIZER, present=False)
        return None


def node_pool_controller(context: Context, carriers: Carriers, writer: Writer, guests: Guests) -> Controller:
    pools = context.informers.of(NODE_POOLS)

    def of_hosted_cluster(hosted: Object) -> list[Key]:
        namespace = hosted["metadata"]["namespace"]
        return [
            (namespace, pool["metadata"]["name"])
            for pool in pools.list(namespace)
            if pool["spec"]["clusterName"] == hosted["metadata"]["name"]
        ]

    def by_annotation(obj: Object) -> list[Key]:
        value = (obj["metadata"].get("annotations") or {}).get(NODE_POOL_ANNOTATION, "")
        namespace, _, name = value.partition("/")
        return [(namespace, name)] if name else []

    work = _NodePools(context, carriers, writer, guests)
    return (
        Controller("node-pool", work.reconcile, resync=10.0)
        .watch(pools)
        .watch(context.informers.of(HOSTED_CLUSTERS), of_hosted_cluster)
        .watch(context.informers.of(MACHINE_DEPLOYMENTS), by_annotation)
        .watch(context.informers.of(MACHINES), by_annotation)
    )


def _identity(pool: Object) -> str:
    return f"{pool['metadata']['namespace']}/{pool['metadata']['name']}"


def _machine_template(hosted: Object, pool: Object, namespace: str, annotation: Object) -> Object:
    aws = pool["spec"]["platform"]["aws"]
    infra_id = hosted["spec"]["infraID"]
    spec = {
        "instanceType": aws["instanceType"],
        "ami": {"id": aws["ami"]} if aws.get("ami") else {},
        "iamInstanceProfile": aws.get("instanceProfile") or f"{infra_id}-worker",
        "subnet": aws["subnet"],
        "additionalTags": {f"kubernetes.io/cluster/{infra_id}": "owned"},
        "rootVolume": aws.get("rootVolume") or {"size": 120, "type": "gp3"},
        "uncompressedUserData": True,
    }
    return {
        "metadata": {
            "name": f"{pool['metadata']['name']}-{digest(spec)}",
            "namespace": namespace,
            "annotations": annotation,
            "labels": {CAPI_CLUSTER_LABEL: infra_id},
        },
        "spec": {"template": {"spec": spec}},
    }


def _machine_deployment(
    hosted: Object, pool: Object, namespace: str, made_of: str, template: str, version: str | None
) -> Object:
    infra_id, name = hosted["spec"]["infraID"], pool["metadata"]["name"]
    selector = {f"{infra_id}-{name}": f"{infra_id}-{name}"}
    annotation = {NODE_POOL_ANNOTATION: _identity(pool)}
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {**annotation, PAUSED_ANNOTATION: None},
            "labels": {CAPI_CLUSTER_LABEL: infra_id},
        },
        "spec": {
            "clusterName": infra_id,
            "replicas": pool["spec"].get("replicas", 0),
            "selector": {"matchLabels": selector},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {**selector, CAPI_CLUSTER_LABEL: infra_id}, "annotations": annotation},
                "spec": {
                    "clusterName": infra_id,
                    "bootstrap": {"dataSecretName": f"user-data-{name}-{made_of}"},
                    "infrastructureRef": {
                        "apiVersion": AWS_MACHINE_TEMPLATES.api_version,
                        "kind": "AWSMachineTemplate",
                        "name": template,
                        "namespace": namespace,
                    },
                    "version": version,
                },
            },
        },
    }


def health_check(hosted: Object, pool: Object, namespace: str, annotation: Object) -> Object:
    """The MachineHealthCheck of a pool that repairs itself."""
    infra_id, name = hosted["spec"]["infraID"], pool["metadata"]["name"]
    # Times as Go writes them: through a conversion they come back so.
    unhealthy = [{"type": "Ready", "status": status, "timeout": "8m0s"} for status in ("False", "Unknown")]
    return {
        "metadata": {"name": name, "namespace": namespace, "annotations": annotation},
        "spec": {
            "clusterName": infra_id,
            "selector": {"matchLabels": {f"{infra_id}-{name}": f"{infra_id}-{name}"}},
            "maxUnhealthy": 2,
            "nodeStartupTimeout": "20m0s",
            "unhealthyConditions": unhealthy,
        },
    }
