"""What the source was like before we touched it: `evidence/source.json`, written once.

Resuming reads it; a task that runs twice reads it instead of measuring again, so Lifeboat never records its own zeros.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifeboat.errors import BackupUnprovenError
from lifeboat.layout import ClusterLayout
from lifeboat.model import HostedClusterRef
from lifeboat.ports import ObjectStore

NAME = "source.json"
_SCHEMA = 1


@dataclass(frozen=True)
class SourceState:
    """One hosted cluster at its source, before the first write."""

    source: str
    hosted_cluster: HostedClusterRef
    infra_id: str
    operation_id: str
    replicas: dict[str, int]
    """`spec.replicas` of the six Deployments (those that exist)."""
    ready_replicas: dict[str, int]
    """`status.readyReplicas` of the same: what resuming can be expected to bring back."""
    paused_until: str | None
    node_pools: dict[str, dict[str, Any]]
    """By name: `pausedUntil` and `autoRepair` as they were, and whether all nodes were `healthy`."""
    cluster_paused: bool
    """`spec.paused` of the Cluster API Cluster."""
    available: bool
    """Whether the HostedCluster was Available: only then is resuming expected to bring that back."""
    operator_replicas: int
    operator_image: str
    etcd: dict[str, Any]
    """`members`, `image`, `version`, `storageClass`, `size`, `totalKeys`, `revision`, `dbSize` (bytes)."""
    availability: str
    """SingleReplica or HighlyAvailable."""
    hostnames: list[str]
    dns: list[dict[str, Any]]
    instances: dict[str, str]
    provider_ids: dict[str, str]
    """providerID by Machine."""
    crd_storage_versions: dict[str, str]
    release_image: str
    release_version: str
    """What the operator made of that image, such as `4.17.12`; empty when it never told."""
    load_balancers: list[dict[str, Any]] | None = None
    """Addresses of its control plane, see `ways.load_balancers`; None in a backup from before they were recorded."""
    endpoint_services: list[str] | None = None
    """Its VPC endpoint services; None likewise."""
    external_dns: dict[str, str] | None = None
    """`owner`, `interval`, `cacheInterval` of the source's ExternalDNS; None likewise."""

    def to_json(self) -> dict[str, Any]:
        return {"schema": _SCHEMA, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SourceState:
        """Read a stored state; BackupUnprovenError when it is of another schema or lacks a field."""
        try:
            if document["schema"] != _SCHEMA:
                raise TypeError
            fields = {
                field.name: document[field.name]
                for field in dataclasses.fields(cls)
                if field.default is dataclasses.MISSING or field.name in document
            }
            return cls(**{**fields, "hosted_cluster": HostedClusterRef(**document["hosted_cluster"])})
        except (KeyError, TypeError):
            raise BackupUnprovenError(f"{NAME} is not one that this Lifeboat wrote: choose another backup") from None


def load_source_state(store: ObjectStore, layout: ClusterLayout, backup_id: str) -> SourceState | None:
    """The state recorded for a backup, None when none was recorded yet."""
    body = store.get(layout.backup(backup_id).evidence(NAME))
    return SourceState.from_json(json.loads(body)) if body is not None else None


def record_source_state(store: ObjectStore, layout: ClusterLayout, backup_id: str, state: SourceState) -> SourceState:
    """Record the state unless one is recorded already: the first one counts, and is returned."""
    if present := load_source_state(store, layout, backup_id):
        return present
    body = json.dumps(state.to_json(), indent=1, sort_keys=True).encode() + b"\n"
    try:
        store.put(layout.backup(backup_id).evidence(NAME), body)
    except BackupUnprovenError:
        # A twin of this task was quicker and saw, say, another DNS order: its record is the first one.
        present = load_source_state(store, layout, backup_id)
        if present is None:
            raise
        return present
    return state
