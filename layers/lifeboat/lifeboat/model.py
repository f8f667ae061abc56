"""Values that the whole procedure shares. Frozen, made of strings and numbers, free of I/O."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Manifest = dict[str, Any]
"""One Kubernetes object as JSON."""

_TIME = "%Y%m%dt%H%M%Sz"
BACKUP_ID = re.compile(r"\d{8}t\d{6}z-(online|quiesced)-[0-9a-f]{8}")


class BackupKind(StrEnum):
    """How a backup treats its source."""

    ONLINE = "online"
    """Nothing is paused and no writer stopped: gentle, but clients may have seen later writes."""
    QUIESCED = "quiesced"
    """Controllers and writers are observed gone before the snapshot: the first half of a move."""


@dataclass(frozen=True)
class Pace:
    """Bytes per second that an online backup reads from etcd and sends to S3; 0: as fast as it goes."""

    read: int = 0
    upload: int = 0


@dataclass(frozen=True)
class HostedClusterRef:
    """A hosted cluster by the namespace and name of its HostedCluster, the same on every management cluster."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def control_plane_namespace(self) -> str:
        """`<namespace>-<name>`, dots of the name replaced: HyperShift's manifests.HostedControlPlaneNamespace."""
        return f"{self.namespace}-{self.name.replace('.', '-')}"


@dataclass(frozen=True)
class Operation:
    """Who acts: one operation may span several executions, each with a newer epoch of the same lease."""

    id: str
    epoch: int
    execution: str
    parent_execution: str | None = None

    @property
    def is_nested(self) -> bool:
        """Whether a parent holds the lease: then it is the parent's to release."""
        return self.parent_execution is not None

    def to_event(self) -> dict[str, Any]:
        event: dict[str, Any] = {"id": self.id, "epoch": self.epoch, "execution": self.execution}
        if self.parent_execution:
            event["parentExecution"] = self.parent_execution
        return event


@dataclass(frozen=True)
class Task:
    """What one state hands to one function: the operation so far, as the machine's data hold it."""

    operation: Operation
    hosted_cluster: HostedClusterRef
    source: str | None = None
    destination: str | None = None
    backup_id: str | None = None
    infra_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    """The machine's data as they are (references and figures only, never manifests or secrets)."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What this one state asks for besides, e.g. `{"group": "writers"}`."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Task:
        """Read a state's input: the machine's data, or `{"task": data, **parameters}`."""
        data = event.get("task", event)
        parameters = {key: value for key, value in event.items() if key != "task"} if "task" in event else {}
        operation, hosted = data["operation"], data["hostedCluster"]
        backup = data.get("backup") or {}
        return cls(
            operation=Operation(
                operation["id"], operation["epoch"], operation["execution"], operation.get("parentExecution")
            ),
            hosted_cluster=HostedClusterRef(hosted["namespace"], hosted["name"]),
            source=data.get("source"),
            destination=data.get("destination"),
            backup_id=backup.get("backupId"),
            infra_id=backup.get("infraId"),
            data=data,
            parameters=parameters,
        )


def new_backup_id(kind: BackupKind, operation_id: str, started: datetime.datetime) -> str:
    """The id of the backup that `operation_id` makes: the same for every retry of one execution, sortable by time."""
    return f"{started.astimezone(datetime.UTC):{_TIME}}-{kind.value}-{_digest(operation_id)}"


def is_backup_of(backup_id: str, kind: BackupKind, operation_id: str) -> bool:
    """Whether an operation made this backup. Another operation's digest may be the same one time in 2^32."""
    return backup_id.endswith(f"-{kind.value}-{_digest(operation_id)}")


def started_at(backup_id: str) -> datetime.datetime:
    """When the execution that opened a backup was started."""
    return datetime.datetime.strptime(backup_id.partition("-")[0], _TIME).replace(tzinfo=datetime.UTC)


def is_backup_id(text: str) -> bool:
    """Whether it is one, its time included: there is no 30th of February."""
    try:
        return bool(BACKUP_ID.fullmatch(text) and started_at(text))
    except ValueError:
        return False


def _digest(operation_id: str) -> str:
    return hashlib.sha256(operation_id.encode()).hexdigest()[:8]
