"""What a teardown will delete, fixed before it touches anything: `operations/<operationId>/plan.json`, signed.

A second execution of the same operation reads it instead of looking again: half of what it names may be gone by then.
Everything inside the control-plane namespace goes with that namespace; the rest is listed by name and uid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifeboat import marker, signed
from lifeboat.edits import annotation
from lifeboat.errors import TeardownRefusedError
from lifeboat.inventory import collect
from lifeboat.layout import ClusterLayout, hosted_cluster_prefix
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster, ObjectStore, Signer
from lifeboat.reconciliation import OPERATION, signature
from lifeboat.references import wanted_by_others
from lifeboat.resources import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CONFIG_MAPS,
    HOSTED_CLUSTERS,
    NAMESPACES,
    NODE_POOLS,
    SECRETS,
    Resource,
)

SCHEMA = 1
FILE = "plan.json"
_BY_PLURAL = {
    each.plural: each
    for each in (NODE_POOLS, NAMESPACES, HOSTED_CLUSTERS, SECRETS, CONFIG_MAPS, CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS)
}


@dataclass(frozen=True)
class Doomed:
    """One object that this teardown may delete: this very one, by uid."""

    plural: str
    namespace: str | None
    name: str
    uid: str

    @property
    def resource(self) -> Resource:
        return _BY_PLURAL[self.plural]

    @classmethod
    def of(cls, resource: Resource, manifest: Manifest) -> Doomed:
        metadata = manifest["metadata"]
        return cls(resource.plural, metadata.get("namespace"), metadata["name"], metadata["uid"])


@dataclass(frozen=True)
class Plan:
    """One teardown."""

    operation_id: str
    hosted_cluster: HostedClusterRef
    infra_id: str
    source: str
    record_sha256: str | None
    """Digest of the backup record by which the hosted cluster was moved; None where only a person answers for it."""
    objects: tuple[Doomed, ...]

    def of(self, resource: Resource) -> list[Doomed]:
        return [each for each in self.objects if each.plural == resource.plural]

    def to_payload(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "operationId": self.operation_id,
            "hostedCluster": {"namespace": self.hosted_cluster.namespace, "name": self.hosted_cluster.name},
            "infraId": self.infra_id,
            "source": self.source,
            "recordSha256": self.record_sha256,
            "objects": [
                {"plural": each.plural, "namespace": each.namespace, "name": each.name, "uid": each.uid}
                for each in self.objects
            ],
        }

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Plan:
        hosted = payload["hostedCluster"]
        return cls(
            payload["operationId"],
            HostedClusterRef(hosted["namespace"], hosted["name"]),
            payload["infraId"],
            payload["source"],
            payload["recordSha256"],
            tuple(Doomed(**each) for each in payload["objects"]),
        )


def make(cluster: ManagementCluster, hosted: HostedClusterRef, operation_id: str, record_sha256: str | None) -> Plan:
    """Look at the source and list what belongs to this hosted cluster alone. Raises PreflightError when it is gone."""
    inventory = collect(cluster, hosted)
    (hosted_cluster,) = inventory.of(HOSTED_CLUSTERS)
    is_shared = wanted_by_others(cluster, hosted)
    doomed = [Doomed.of(NODE_POOLS, each) for each in inventory.of(NODE_POOLS)]
    namespace = cluster.get(NAMESPACES, None, hosted.control_plane_namespace)
    if namespace is not None:
        doomed.append(Doomed.of(NAMESPACES, namespace))
    doomed.append(Doomed.of(HOSTED_CLUSTERS, hosted_cluster))
    for resource in (SECRETS, CONFIG_MAPS):
        doomed += [
            Doomed.of(resource, each)
            for each in inventory.of(resource)
            if each["metadata"].get("namespace") == hosted.namespace and not is_shared(each)
        ]
    pause = signature(hosted_cluster)
    mark = cluster.get(CONFIG_MAPS, marker.NAMESPACE, marker.NAME)
    if mark is not None and pause and annotation(mark, OPERATION) == pause.operation_id:
        doomed.append(Doomed.of(CONFIG_MAPS, mark))
    for resource in (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS):
        doomed += [Doomed.of(resource, each) for each in inventory.of(resource)]
    infra_id = hosted_cluster["spec"]["infraID"]
    return Plan(operation_id, hosted, infra_id, cluster.name, record_sha256, tuple(doomed))


def record_of_pause(cluster: ManagementCluster, store: ObjectStore, hosted: HostedClusterRef) -> str | None:
    """Digest of the record of the backup for which the source is paused, None when it is not or none was committed."""
    live = cluster.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    pause = signature(live) if live else None
    if live is None or pause is None:
        return None
    document = store.get(ClusterLayout(hosted, live["spec"]["infraID"]).backup(pause.backup_id).record)
    return hashlib.sha256(document).hexdigest() if document else None


def write(store: ObjectStore, signer: Signer, plan: Plan) -> None:
    """Store a plan, signed; the first one of an operation counts."""
    key = _key(plan.hosted_cluster, plan.infra_id, plan.operation_id)
    signed.put_first(store, signer, key, plan.to_payload())


def read(store: ObjectStore, signer: Signer, hosted: HostedClusterRef, operation_id: str) -> Plan | None:
    """The plan of an operation, None when there is none yet.

    Raises BackupUnprovenError when it was changed after it was signed, TeardownRefusedError when it is another's.
    """
    for infra_id in store.folders(hosted_cluster_prefix(hosted)):
        key = _key(hosted, infra_id, operation_id)
        if document := store.get(key):
            plan = Plan.from_payload(signed.unseal(document, signer, key))
            if (plan.hosted_cluster, plan.infra_id, plan.operation_id) != (hosted, infra_id, operation_id):
                msg = f"{key} is the plan of another teardown: it was moved there"
                raise TeardownRefusedError(msg)
            return plan
    return None


def read_or_refuse(store: ObjectStore, signer: Signer, hosted: HostedClusterRef, operation_id: str) -> Plan:
    """The plan that the preflight wrote; TeardownRefusedError without one."""
    plan = read(store, signer, hosted, operation_id)
    if plan is None:
        msg = f"operation {operation_id} has no plan for a teardown of {hosted}: start the teardown again"
        raise TeardownRefusedError(msg)
    return plan


def _key(hosted: HostedClusterRef, infra_id: str, operation_id: str) -> str:
    return ClusterLayout(hosted, infra_id).operation(operation_id, FILE)
