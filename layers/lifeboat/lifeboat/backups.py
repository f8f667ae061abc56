"""The commit record of a backup, and what makes a backup one that can be trusted.

`backup.json` is written last and signed; it names every part by key, version id, size and SHA-256, so a changed,
missing or added part is found. **Without it there is no backup.**
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from lifeboat import signed
from lifeboat.errors import BackupUnprovenError
from lifeboat.layout import BackupLayout, ClusterLayout, hosted_cluster_prefix
from lifeboat.model import BackupKind, HostedClusterRef, Manifest
from lifeboat.ports import ObjectStore, Signer, StoredObject

SCHEMA = 1
LATEST = "latest"


@dataclass(frozen=True)
class Part:
    """One stored object of a backup. `sha256` hex, `size` bytes."""

    key: str
    version_id: str | None
    sha256: str
    size: int

    @classmethod
    def of(cls, stored: StoredObject, sha256: str) -> Part:
        return cls(stored.key, stored.version_id, sha256, stored.size)


@dataclass(frozen=True)
class SnapshotPart:
    """The etcd snapshot: what it holds, and which member and image it came from."""

    part: Part
    revision: int
    total_keys: int
    member: str
    members: int
    image: str
    etcd_version: str


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
            snapshot = payload["snapshot"]
            return cls(
                backup_id=payload["backup_id"],
                kind=BackupKind(payload["kind"]),
                hosted_cluster=HostedClusterRef(**payload["hosted_cluster"]),
                infra_id=payload["infra_id"],
                source=payload["source"],
                operation_id=payload["operation_id"],
                created_at=payload["created_at"],
                snapshot=SnapshotPart(**{**snapshot, "part": Part(**snapshot["part"])}),
                manifests=tuple(
                    ManifestPart(**{**each, "part": Part(**each["part"])}) for each in payload["manifests"]
                ),
                evidence={name: Part(**part) for name, part in payload["evidence"].items()},
            )
        except (KeyError, TypeError, ValueError):
            raise BackupUnprovenError("the backup record lacks fields: choose another backup") from None


def commit(store: ObjectStore, signer: Signer, record: BackupRecord) -> str:
    """Verify all parts, then write the signed record; returns the SHA-256 (hex) of `backup.json`.

    A record that is there already (an earlier attempt of the same task) is kept when it names the same parts.
    """
    verify_parts(store, record)
    key = record.layout.record
    if present := store.get(key):
        there = BackupRecord.from_payload(signed.unseal(present, signer, key))
        if dataclasses.replace(there, created_at=record.created_at) != record:
            msg = f"{key} exists and names other parts: start a new backup"
            raise BackupUnprovenError(msg)
        return hashlib.sha256(present).hexdigest()
    document = signed.seal(record.to_payload(), signer)
    store.put(key, document)
    return hashlib.sha256(document).hexdigest()


def load(
    store: ObjectStore, signer: Signer, hosted_cluster: HostedClusterRef, backup_id: str
) -> tuple[BackupRecord, str]:
    """The record of a backup whose signature holds, and the SHA-256 of its file. `latest` is what `latest` finds.

    Raises BackupUnprovenError when there is none, or its signature fails, or it is another cluster's.
    """
    if backup_id == LATEST:
        record, digest, _ = latest(store, signer, hosted_cluster)
        return record, digest
    for infra_id, _ in _newest_first(store, hosted_cluster, backup_id):
        return _open(store, signer, hosted_cluster, infra_id, backup_id)
    raise _no_backup(hosted_cluster, backup_id)


def latest(
    store: ObjectStore, signer: Signer, hosted_cluster: HostedClusterRef
) -> tuple[BackupRecord, str, tuple[str, ...]]:
    """The newest backup whose record and parts all verify, its digest, and why each newer one was passed over.

    One bad backup must not stand between an operator and a good one, but who restores must see that it is older.
    Raises BackupUnprovenError, with all reasons, when none verifies.
    """
    skipped: list[str] = []
    for infra_id, backup_id in _newest_first(store, hosted_cluster):
        try:
            record, digest = _open(store, signer, hosted_cluster, infra_id, backup_id)
            verify_parts(store, record)
        except BackupUnprovenError as error:
            skipped.append(f"{backup_id}: {error}")
        else:
            return record, digest, tuple(skipped)
    if skipped:
        msg = f"no backup of {hosted_cluster} can be proven, make a new one: {'; '.join(skipped)}"
        raise BackupUnprovenError(msg)
    raise _no_backup(hosted_cluster, LATEST)


def _no_backup(hosted_cluster: HostedClusterRef, backup_id: str) -> BackupUnprovenError:
    return BackupUnprovenError(
        f"{hosted_cluster} has no backup {backup_id}: `lifeboat backups {hosted_cluster}` lists what there is"
    )


def _open(
    store: ObjectStore, signer: Signer, hosted_cluster: HostedClusterRef, infra_id: str, backup_id: str
) -> tuple[BackupRecord, str]:
    key = ClusterLayout(hosted_cluster, infra_id).backup(backup_id).record
    document = store.get(key)
    if document is None:
        msg = f"backup {backup_id} of {hosted_cluster} was never committed: choose another"
        raise BackupUnprovenError(msg)
    record = BackupRecord.from_payload(signed.unseal(document, signer, key))
    if (record.hosted_cluster, record.infra_id, record.backup_id) != (hosted_cluster, infra_id, backup_id):
        msg = f"{key} is the record of another backup ({record.hosted_cluster}, {record.backup_id}): it was moved"
        raise BackupUnprovenError(msg)
    return record, hashlib.sha256(document).hexdigest()


def verify_parts(store: ObjectStore, record: BackupRecord) -> None:
    """Compare S3's own size and checksum of each part's version with the record; BackupUnprovenError names the first.

    A part that S3 keeps no whole-object checksum of is refused: size alone proves nothing.
    """
    for part in record.parts():
        if not part.key.startswith(record.layout.prefix):
            msg = f"backup {record.backup_id} names a part outside of itself ({part.key}): it was forged"
            raise BackupUnprovenError(msg)
        stored = store.head(part.key, part.version_id)
        if stored is None:
            msg = f"part {part.key} of backup {record.backup_id} is missing: choose another backup"
            raise BackupUnprovenError(msg)
        if (stored.size, stored.sha256) != (part.size, part.sha256):
            msg = f"part {part.key} of backup {record.backup_id} is not what was recorded: choose another backup"
            raise BackupUnprovenError(msg)


def read_manifests(store: ObjectStore, record: BackupRecord, plural: str) -> list[Manifest]:
    """All exported objects of one kind, their bytes proven against the record."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [
        document
        for each in record.manifests
        if each.plural == plural
        for document in yaml.load_all(_read(store, each.part), Loader=loader)
    ]


def read_evidence(store: ObjectStore, record: BackupRecord, name: str) -> Any:
    """One evidence file (`source.json`, `ownership.json`), its bytes proven against the record."""
    if name not in record.evidence:
        msg = f"backup {record.backup_id} has no evidence {name}: choose another backup"
        raise BackupUnprovenError(msg)
    return json.loads(_read(store, record.evidence[name]))


def _read(store: ObjectStore, part: Part) -> bytes:
    body = store.get(part.key, part.version_id)
    if body is None or hashlib.sha256(body).hexdigest() != part.sha256:
        msg = f"{part.key} is missing or not what was recorded: choose another backup"
        raise BackupUnprovenError(msg)
    return body


def _newest_first(
    store: ObjectStore, hosted_cluster: HostedClusterRef, backup_id: str | None = None
) -> Iterator[tuple[str, str]]:
    """(infraID, backup id) of all committed backups, or of the wanted one: ids begin with the time."""
    there = [
        (each, infra_id)
        for infra_id in store.folders(hosted_cluster_prefix(hosted_cluster))
        for each in store.folders(ClusterLayout(hosted_cluster, infra_id).backups)
        if backup_id in {None, each}
    ]
    for each, infra_id in sorted(there, reverse=True):
        if store.head(ClusterLayout(hosted_cluster, infra_id).backup(each).record):
            yield infra_id, each
