"""A hosted cluster with a committed backup: what a restore starts from."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lifeboat import backups, export, inventory, reconciliation, source_state
from lifeboat.backups import BackupRecord, Part, SnapshotPart
from lifeboat.layout import ClusterLayout
from lifeboat.model import BackupKind, Operation, Task
from lifeboat.resources import MACHINES
from lifeboat.restore.loading import Destination, load, open_destination
from lifeboat.restore.preflight import Look, Outside
from lifeboat.source_state import SourceState
from tests.unit.builders import (
    DOMAIN,
    ETCD_IMAGE,
    REGISTRY,
    RELEASE,
    VERSION,
    HostedClusterBuilder,
    a_crd,
    a_deployment,
    a_management_cluster,
    an_object,
    blue,
    its_neighbour,
)
from tests.unit.installed import external_dns
from tests.unit.memory import NOW, MemoryCluster, MemoryInstances, MemorySigner, MemoryStore, merge
from tests.unit.memory_aws import MemoryDocuments, MemoryKeys

OPERATION = "op-1"
BACKUP = "20261103t100000z-quiesced-00000001"
REGION = "us-east-2"
ZONES = ("us-east-2a", "us-east-2b", "us-east-2c")


@dataclass
class World:
    """Source, destination and store of one move."""

    source: MemoryCluster = field(default_factory=a_management_cluster)
    destination: MemoryCluster = field(default_factory=lambda: a_destination())  # noqa: PLW0108 - defined below
    store: MemoryStore = field(default_factory=MemoryStore)
    signer: MemorySigner = field(default_factory=MemorySigner)
    builder: HostedClusterBuilder = field(default_factory=blue)
    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    keys: MemoryKeys = field(default_factory=MemoryKeys)
    instances: MemoryInstances = field(default_factory=MemoryInstances)
    regions: dict[str, str] = field(default_factory=lambda: {"mgmt-1": REGION, "mgmt-2": REGION})

    @property
    def outside(self) -> Outside:
        return Outside(self.regions.get, self.documents, self.keys, self.instances)

    def look(self) -> Look:
        return Look.at(self.open(), self.source, self.outside)

    def task(self, operation_id: str = OPERATION, **data: Any) -> Task:
        hosted = {"namespace": self.builder.ref.namespace, "name": self.builder.ref.name}
        given = {
            "operation": Operation(operation_id, 1, "arn").to_event(),
            "hostedCluster": hosted,
            "destination": self.destination.name,
            "backup": {"backupId": BACKUP},
            **data,
        }
        return Task.from_event(given)

    def open(self, operation_id: str = OPERATION) -> Destination:
        loaded = load(self.store, self.signer, self.task(operation_id))
        return open_destination(self.destination, self.store, self.signer, self.task(operation_id, backup=loaded))


def a_destination(name: str = "mgmt-2") -> MemoryCluster:
    """A management cluster that is fit: operator, ExternalDNS, storage, three zones, Cluster API's kinds."""
    cluster = a_management_cluster(name, operator_replicas=1)
    cluster.remove("Namespace", None, "clusters")
    hypershift = ("hostedclusters", "nodepools", "hostedcontrolplanes")
    cluster.add(
        *(a_crd(f"{each}.hypershift.openshift.io") for each in hypershift),
        an_object("storage.k8s.io/v1", "StorageClass", "gp3-csi"),
        an_object("v1", "ConfigMap", "supported-versions", "hypershift", data=supported("4.18", "4.17")),
        a_deployment("external-dns", "hypershift", 1, args=external_dns("owner-2", DOMAIN)),
        *(a_node(zone) for zone in ZONES),
    )
    return cluster


def supported(*versions: str) -> dict[str, str]:
    """What the operator writes into ConfigMap `supported-versions`."""
    return {"supported-versions": json.dumps({"versions": versions}), "server-version": "2f685113"}


def a_node(zone: str, *, ready: str = "True") -> dict[str, Any]:
    return an_object(
        "v1",
        "Node",
        f"node-{zone}",
        labels={"topology.kubernetes.io/zone": zone, "topology.kubernetes.io/region": REGION},
        spec={},
        status={
            "conditions": [{"type": "Ready", "status": ready}],
            "allocatable": {"cpu": "16", "memory": "64Gi"},
        },
    )


def a_backup(
    builder: HostedClusterBuilder | None = None, *, neighbour: bool = True, also: Sequence[dict[str, Any]] = ()
) -> World:
    """A world whose source is paused and exported, and whose backup is committed; `also` is at the source as well."""
    builder = builder or blue()
    world = World(builder=builder)
    pull_secret = base64.b64encode(b'{"auths":{}}').decode()
    for each in (builder, its_neighbour()) if neighbour else (builder,):
        each.on(world.source)
    world.source.add(
        an_object(
            "v1",
            "Secret",
            "pull-secret",
            builder.ref.namespace,
            type="kubernetes.io/dockerconfigjson",
            data={".dockerconfigjson": pull_secret},
        )
    )
    world.source.add(*also)
    state = _state(world)
    reconciliation.pause(world.source, state, reconciliation.Pause(OPERATION, BACKUP), NOW)
    layout = ClusterLayout(builder.ref, builder.infra_id)
    body_of_state = source_state.record_source_state(world.store, layout, BACKUP, state)
    assert body_of_state == state
    exported = export.export(world.store, layout.backup(BACKUP), inventory.collect(world.source, builder.ref))
    snapshot = b"snapshot"
    digest = hashlib.sha256(snapshot).hexdigest()
    stored = world.store.put(layout.backup(BACKUP).snapshot(digest), snapshot)
    source_key = layout.backup(BACKUP).evidence("source.json")
    source = world.store.head(source_key)
    assert source is not None
    assert source.sha256 is not None
    record = BackupRecord(
        backup_id=BACKUP,
        kind=BackupKind.QUIESCED,
        hosted_cluster=builder.ref,
        infra_id=builder.infra_id,
        source=world.source.name,
        operation_id=OPERATION,
        created_at=NOW.isoformat(),
        snapshot=SnapshotPart(
            Part.of(stored, digest), 100, 20, "etcd-0", builder._members, ETCD_IMAGE, "3.5.18", len(snapshot), (digest,)
        ),
        manifests=exported.manifests,
        evidence={"source.json": Part.of(source, source.sha256), **exported.evidence},
    )
    backups.commit(world.store, world.signer, record)
    return world


def _state(world: World) -> SourceState:
    builder = world.builder
    known = {each.name for each in dataclasses.fields(SourceState)}
    pools = reconciliation.node_pools_of(world.source, builder.ref)
    machines = world.source.list_objects(MACHINES, builder.ref.control_plane_namespace)
    values: dict[str, Any] = {
        "source": world.source.name,
        "hosted_cluster": builder.ref,
        "infra_id": builder.infra_id,
        "operation_id": OPERATION,
        "replicas": dict(builder._replicas),
        "ready_replicas": dict(builder._replicas),
        "paused_until": builder._paused_until,
        "node_pools": {
            each["metadata"]["name"]: {
                "pausedUntil": each["spec"].get("pausedUntil"),
                "autoRepair": each["spec"]["management"]["autoRepair"],
            }
            for each in pools
        },
        "cluster_paused": False,
        "available": True,
        "operator_replicas": 2,
        "operator_image": f"{REGISTRY}/ocp/operator:4.17.12",
        "etcd": {"members": builder._members, "storageClass": "gp3-csi", "size": "8Gi", "image": ETCD_IMAGE},
        "availability": "HighlyAvailable" if builder._members > 1 else "SingleReplica",
        "hostnames": [builder.hostname(each) for each in builder._services],
        "dns": [],
        "instances": {},
        "provider_ids": {each["metadata"]["name"]: each["spec"]["providerID"] for each in machines},
        "crd_storage_versions": {
            "clusters.cluster.x-k8s.io": "v1beta1",
            "machines.cluster.x-k8s.io": "v1beta1",
        },
        "release_image": RELEASE,
        "release_version": VERSION,
    }
    return SourceState(**{name: value for name, value in values.items() if name in known})


def set_conditions(cluster: MemoryCluster, kind: str, namespace: str, name: str, **conditions: str) -> None:
    """Give an object conditions, as a controller would."""
    held = [{"type": each, "status": status} for each, status in conditions.items()]
    key = (kind, namespace, name)
    cluster._objects[key] = merge(cluster._objects[key], {"status": {"conditions": held}})


def an_operator(replicas: int, namespace: str = "hypershift") -> dict[str, Any]:
    return a_deployment("operator", namespace, replicas)
