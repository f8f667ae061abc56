"""The commit record of a backup: what `backup.json` says of every part. Values only; `backups` proves them.

Schema 2: parts carry S3's own checksum (`composite`) where they were uploaded in parts, and the snapshot the digest of
each of those parts, so that one HEAD proves them all and a deep look tells which one is wrong.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifeboat.errors import BackupUnprovenError
from lifeboat.layout import BackupLayout, ClusterLayout
from lifeboat.model import BackupKind, HostedClusterRef
from lifeboat.ports import StoredObject, composite_of

SCHEMA = 2
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Part:
    """One stored object of a backup. `sha256` hex, of the whole; `size` bytes.

    `composite` (`<hex>-<count>`) is what S3 keeps instead of a digest of the whole, where it was uploaded in parts.
    """

    key: str
    version_id: str | None
    sha256: str
    size: int
    composite: str | None = None

    @classmethod
    def of(cls, stored: StoredObject, sha256: str) -> Part:
        return cls(stored.key, stored.version_id, sha256, stored.size, stored.composite)

    def is_stored_as(self, stored: StoredObject) -> bool:
        """Whether S3 holds this very version with these very bytes, by S3's own size and checksum.

        An object that S3 keeps no checksum of is none: size alone proves nothing.
        """
        held = (stored.version_id, stored.size, stored.composite)
        if held != (self.version_id, self.size, self.composite):
            return False
        return self.composite is not None or stored.sha256 == self.sha256


@dataclass(frozen=True)
class SnapshotPart:
    """The etcd snapshot: what it holds, which member and image it came from, and the parts it was uploaded in.

    `part_size` bytes each, the last one what is left; `part_digests` their SHA-256 (hex) in order.
    """

    part: Part
    revision: int
    total_keys: int
    member: str
    members: int
    image: str
    etcd_version: str
    part_size: int
    part_digests: tuple[str, ...]
    alarms: tuple[str, ...] = ()
    """Alarms of etcd at that time. NOSPACE travels inside a snapshot."""
    quorum: bool = True
    """False: taken from a member without a quorum, under an approval. Acknowledged writes may be missing."""
    note: str | None = None
    """What was out of the ordinary with its etcd, in words."""

    def problem(self) -> str | None:
        """What does not fit together in it, in words; None when all does."""
        digests = self.part_digests
        if self.part_size <= 0 or not digests or not all(map(_SHA256.fullmatch, digests)):
            return "its parts are not told"
        if len(digests) != max(1, -(-self.part.size // self.part_size)):
            return f"{len(digests)} parts of {self.part_size} bytes are not {self.part.size} bytes"
        if self.part.composite is None:
            return None if digests == (self.part.sha256,) else "its one part is not the whole"
        return None if composite_of(digests) == self.part.composite else "its parts are not those that S3 has"


@dataclass(frozen=True)
class ManifestPart:
    """All exported objects of one kind in one namespace, as multi-document YAML."""

    part: Part
    plural: str
    group: str
    namespace: str | None
    count: int


@dataclass(frozen=True)
class BackupRecord:
    """What `backup.json` says."""

    backup_id: str
    kind: BackupKind
    hosted_cluster: HostedClusterRef
    infra_id: str
    source: str
    operation_id: str
    created_at: str
    snapshot: SnapshotPart
    manifests: tuple[ManifestPart, ...]
    evidence: Mapping[str, Part]

    @property
    def layout(self) -> BackupLayout:
        return ClusterLayout(self.hosted_cluster, self.infra_id).backup(self.backup_id)

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(each.size for each in self.parts())

    def parts(self) -> list[Part]:
        """Every object that belongs to the backup, besides the record."""
        return [self.snapshot.part, *(each.part for each in self.manifests), *self.evidence.values()]

    def to_payload(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **dataclasses.asdict(self), "kind": self.kind.value}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> BackupRecord:
        """Read a verified payload; BackupUnprovenError when it is of another schema or lacks a field."""
        try:
            if payload["schema"] != SCHEMA:
                msg = f"backup record of schema {payload['schema']}: use a Lifeboat that knows it"
                raise BackupUnprovenError(msg)
            return cls(
                backup_id=payload["backup_id"],
                kind=BackupKind(payload["kind"]),
                hosted_cluster=HostedClusterRef(**payload["hosted_cluster"]),
                infra_id=payload["infra_id"],
                source=payload["source"],
                operation_id=payload["operation_id"],
                created_at=payload["created_at"],
                snapshot=_snapshot(payload["snapshot"]),
                manifests=tuple(
                    ManifestPart(**{**each, "part": Part(**each["part"])}) for each in payload["manifests"]
                ),
                evidence={name: Part(**part) for name, part in payload["evidence"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise BackupUnprovenError("the backup record lacks fields: choose another backup") from None


def _snapshot(payload: Mapping[str, Any]) -> SnapshotPart:
    return SnapshotPart(
        **{
            **payload,
            "part": Part(**payload["part"]),
            "part_digests": tuple(payload["part_digests"]),
            "alarms": tuple(payload["alarms"]),
        }
    )
