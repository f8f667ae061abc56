"""One hosted cluster at its source, two management clusters that could take it, and what must never be."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from lifeboat import writers
from lifeboat.backups import BackupRecord, Part, SnapshotPart
from lifeboat.model import BackupKind, HostedClusterRef, Manifest
from lifeboat.moved import Move
from lifeboat.ports import Lease
from lifeboat.reconciliation import PAUSED, signature
from lifeboat.resources import HOSTED_CLUSTERS, Resource
from lifeboat.restore.loading import Destination
from lifeboat.source_state import SourceState
from tests.schedules.threads import skew, stop_at
from tests.unit.memory import (
    NOW,
    MemoryClock,
    MemoryCluster,
    MemoryDns,
    MemoryExecutions,
    MemoryLeases,
    MemorySigner,
    MemoryStore,
)

REF = HostedClusterRef("clusters", "blue")
INNER = REF.control_plane_namespace
INFRA = "blue-x7k2p"
REPLICAS = dict.fromkeys(writers.ALL, 1)
EXPORTED = {
    "apiVersion": "hypershift.openshift.io/v1beta1",
    "kind": "HostedCluster",
    "metadata": {"name": REF.name, "namespace": REF.namespace},
    "spec": {"infraID": INFRA},
}


class GatedCluster(MemoryCluster):
    """Stops before every write and before each look at the HostedCluster."""

    def get(self, resource: Resource, namespace: str | None, name: str) -> Manifest | None:
        if resource is HOSTED_CLUSTERS:
            stop_at(f"{self.name}: get {name}")
        return super().get(resource, namespace, name)

    def create(self, resource: Resource, manifest: Manifest) -> Manifest | None:
        stop_at(f"{self.name}: create {resource.kind}")
        return super().create(resource, manifest)

    def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        patch: Mapping[str, Any],
        *,
        subresource: str | None = None,
    ) -> Manifest | None:
        stop_at(f"{self.name}: patch {resource.kind} {name}")
        return super().patch(resource, namespace, name, patch, subresource=subresource)

    def delete(self, resource: Resource, namespace: str | None, name: str, **conditions: Any) -> None:
        stop_at(f"{self.name}: delete {resource.kind} {name}")
        super().delete(resource, namespace, name, **conditions)


class GatedLeases(MemoryLeases):
    """Stops before every call; each caller has a clock of its own."""

    def read(self, hosted_cluster: str) -> Lease | None:
        stop_at("lease: read")
        return super().read(hosted_cluster)

    def take(
        self, hosted_cluster: str, operation_id: str, execution: str, seconds: int, over: Lease | None
    ) -> Lease | None:
        stop_at("lease: take")
        self.now = NOW.timestamp() + skew()
        return super().take(hosted_cluster, operation_id, execution, seconds, over)

    def renew(self, hosted_cluster: str, operation_id: str, epoch: int, seconds: int) -> bool:
        stop_at("lease: renew")
        self.now = NOW.timestamp() + skew()
        return super().renew(hosted_cluster, operation_id, epoch, seconds)

    def claim(self, hosted_cluster: str, operation_id: str, epoch: int, owner: str, instead_of: str) -> bool:
        stop_at("lease: claim")
        return super().claim(hosted_cluster, operation_id, epoch, owner, instead_of)


class HostedAt(Destination):
    """A destination whose backup is not read from the bucket."""

    def exported_hosted_cluster(self) -> Manifest:
        return EXPORTED


class World:
    """The ports, and the eye that sees what a cluster's users would."""

    def __init__(self) -> None:
        self.source, self.store, self.signer = GatedCluster("mgmt-1"), MemoryStore(), MemorySigner()
        self.destinations = {name: GatedCluster(name) for name in ("mgmt-2", "mgmt-3")}
        self.leases, self.executions = GatedLeases(), MemoryExecutions()
        self.clock, self.dns = MemoryClock(), MemoryDns()
        self.woke, self.saved = 1, dict[str, int]()
        self.made_of: dict[str, int] = {}
        self.harm = ""
        spec = {"infraID": INFRA}
        self.source.add(
            {"kind": "HostedCluster", "metadata": {"name": REF.name, "namespace": REF.namespace}, "spec": spec},
            {"kind": "HostedControlPlane", "metadata": {"name": REF.name, "namespace": INNER}, "spec": {}},
            {"kind": "Cluster", "metadata": {"name": INFRA, "namespace": INNER}, "spec": {"paused": False}},
            {"kind": "StatefulSet", "metadata": {"name": "etcd", "namespace": INNER}, "spec": {"replicas": 1}},
            *(_deployment(name) for name in writers.ALL),
        )
        self.state = SourceState(
            **{each.name: None for each in dataclasses.fields(SourceState)}
            | {
                "source": "mgmt-1",
                "hosted_cluster": REF,
                "infra_id": INFRA,
                "operation_id": "",
                "replicas": REPLICAS,
                "ready_replicas": REPLICAS,
                "node_pools": {},
                "cluster_paused": False,
                "available": True,
                "hostnames": [],
                "etcd": {"members": 1},
            }
        )
        self.source.after_write = self._operator_at_source
        for each in self.destinations.values():
            each.after_write = self._seen_at_destination

    @property
    def is_up(self) -> bool:
        return any(each["spec"]["replicas"] for each in self.source.objects("Deployment"))

    def hosts(self, name: str) -> bool:
        return bool(self.destinations[name].objects("HostedCluster"))

    def scale_by_hand(self) -> None:
        """Somebody brings the API back at the source."""
        held = self.source._objects["Deployment", INNER, "kube-apiserver"]
        held["spec"]["replicas"] = 1
        self._operator_at_source(self.source)

    def scale_down_by_hand(self) -> bool:
        """And takes it away again, if the hosted cluster is still paused."""
        held = self.source._objects["HostedCluster", REF.namespace, REF.name]
        if held["spec"].get("pausedUntil") == PAUSED:
            self.source._objects["Deployment", INNER, "kube-apiserver"]["spec"]["replicas"] = 0
            self._operator_at_source(self.source)
        return held["spec"].get("pausedUntil") == PAUSED

    def move(self, backup_id: str) -> Move:
        part = Part("k", None, 1, "0" * 64)
        snapshot = SnapshotPart(part, self.saved.get(backup_id, 0), 1, "etcd-0", 1, "image", "3.5.18", 1, ())
        record = BackupRecord(
            backup_id, BackupKind.QUIESCED, REF, INFRA, "mgmt-1", "", NOW.isoformat(), snapshot, (), {}
        )
        return Move(record, f"digest of {backup_id}", self.state)

    def destination(self, name: str, operation_id: str, backup_id: str) -> HostedAt:
        move = self.move(backup_id)
        return HostedAt(self.destinations[name], self.store, move.record, move.state, operation_id)

    def written_after(self, _cluster: Any, _namespace: str, revision: int, **_: Any) -> str | None:
        """In place of a watch of etcd: whether the source was up after that backup."""
        return f"writes after revision {revision}" if self.woke != revision else None

    def _operator_at_source(self, cluster: MemoryCluster) -> None:
        """What is unpaused is scaled up by HyperShift; pods follow at once."""
        held = cluster._objects.get(("HostedCluster", REF.namespace, REF.name))
        up = False
        for each in (each for key, each in cluster._objects.items() if key[0] == "Deployment"):
            if held and held["spec"].get("pausedUntil") != PAUSED:
                each["spec"]["replicas"] = 1
            count = each["spec"]["replicas"]
            up = up or (count > 0 and not each["status"]["replicas"])
            each["status"] = {"replicas": count, "readyReplicas": count}
        self.woke += up

    def _seen_at_destination(self, cluster: MemoryCluster) -> None:
        verb, kind, *_ = cluster.writes[-1]
        if (verb, kind) == ("create", "HostedCluster"):
            held = self.source._objects["HostedCluster", REF.namespace, REF.name]
            pause = signature(held)
            made_of = self.saved.get(pause.backup_id) if pause else None
            if self.is_up or made_of != self.woke:
                self.harm = f"{cluster.name} got a HostedCluster beside a source that was not at rest"
            self.made_of[cluster.name] = self.woke
        if (verb, kind) == ("delete", "Namespace") and self.hosts(cluster.name):
            self.harm = f"{cluster.name} lost the Machines of a living cluster: workers terminated"

    def look(self) -> str:
        """What must never be, "" when all is well."""
        there = [name for name in self.destinations if self.hosts(name)]
        if len(there) > 1:
            return "two destinations run the hosted cluster"
        if there and self.is_up:
            return f"mgmt-1 and {there[0]} are both writable"
        return self.harm


def _deployment(name: str) -> Manifest:
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}}
    metadata = {"name": name, "namespace": INNER}
    return {"kind": "Deployment", "metadata": metadata, "spec": spec, "status": {"replicas": 1, "readyReplicas": 1}}
