"""The commit record of a backup, and what makes a backup one that can be trusted.

`backup.json` is written last and signed; it names every part by key, version id, size and SHA-256, so a changed,
missing or added part is found. **Without it there is no backup.**
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import yaml

from lifeboat import catalog, signed
from lifeboat.errors import BackupUnprovenError
from lifeboat.layout import ROOT, ClusterLayout, hosted_cluster_prefix
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ObjectStore, Signer
from lifeboat.record import BackupRecord, ManifestPart, Part, SnapshotPart

__all__ = ["LATEST", "BackupRecord", "ManifestPart", "Part", "SnapshotPart"]

LATEST = "latest"
_AT_ONCE = 8  # HEADs; the SDK keeps ten connections


def commit(store: ObjectStore, signer: Signer, record: BackupRecord) -> str:
    """Verify all parts, then write the signed record; returns the SHA-256 (hex) of `backup.json`.

    A record that is there already (an earlier attempt of the same task, or its twin at this moment) is kept when it
    says the same. Raises BackupUnprovenError when it names other parts, or a part is not what is to be recorded.
    """
    verify_parts(store, record)
    if catalog.is_deleted(store, catalog.cluster_of(record), record.backup_id):
        # Its parts are about to go as well; S3 creates a deleted key anew without a word.
        msg = f"backup {record.backup_id} was deleted by retention: start a new backup (another operationId)"
        raise BackupUnprovenError(msg)
    _, document = signed.put_once(store, signer, record.layout.record, record.to_payload(), ignoring=("created_at",))
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
    infra_id, _ = newest(store, hosted_cluster, backup_id)
    return open_version(store, signer, hosted_cluster, infra_id, backup_id)


def newest(store: ObjectStore, hosted_cluster: HostedClusterRef, backup_id: str | None = None) -> tuple[str, str]:
    """InfraID and id of the newest committed backup, or of the wanted one; nothing of it is proven yet.

    Raises BackupUnprovenError when there is none.
    """
    found = next(_newest_first(store, hosted_cluster, backup_id), None)
    if found is None:
        raise _no_backup(hosted_cluster, backup_id or LATEST)
    return found


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
            record, digest = open_version(store, signer, hosted_cluster, infra_id, backup_id)
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
        f"{hosted_cluster} has no backup{'' if backup_id == LATEST else f' {backup_id}'}: "
        f"`lifeboat backups {hosted_cluster}` lists what there is"
    )


def open_version(
    store: ObjectStore,
    signer: Signer,
    hosted_cluster: HostedClusterRef,
    infra_id: str,
    backup_id: str,
    version_id: str | None = None,
) -> tuple[BackupRecord, str]:
    """The record under one key and its digest, in this very version: one that was deleted meanwhile is still there.

    Raises BackupUnprovenError when there is none, its signature fails, or it is another backup's.
    """
    key = ClusterLayout(hosted_cluster, infra_id).backup(backup_id).record
    document = store.get(key, version_id)
    if document is None:
        msg = f"backup {backup_id} of {hosted_cluster} was never committed, or was deleted: choose another"
        raise BackupUnprovenError(msg)
    record = BackupRecord.from_payload(signed.unseal(document, signer, key))
    if (record.hosted_cluster, record.infra_id, record.backup_id) != (hosted_cluster, infra_id, backup_id):
        msg = f"{key} is the record of another backup ({record.hosted_cluster}, {record.backup_id}): it was moved"
        raise BackupUnprovenError(msg)
    return record, hashlib.sha256(document).hexdigest()


def verify_parts(store: ObjectStore, record: BackupRecord, *, current: bool = True) -> None:
    """Compare what S3 itself says of each part with the record, and the snapshot's parts with its checksum.

    `current`: the recorded version must be the newest one as well. Where it is not, somebody deleted or overwrote the
    part, and the life cycle will end the recorded version: good for one more restore, no longer a backup to rely on.
    Raises BackupUnprovenError naming the first that differs: version id, size or S3's checksum.
    """
    for part in record.parts():
        if not part.key.startswith(record.layout.prefix):
            msg = f"backup {record.backup_id} names a part outside of itself ({part.key}): it was forged"
            raise BackupUnprovenError(msg)
    if wrong := record.snapshot.problem():
        msg = f"the snapshot of backup {record.backup_id} is not what was recorded ({wrong}): choose another backup"
        raise BackupUnprovenError(msg)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = [*pool.map(lambda each: problem_of(store, each, current=current), record.parts())]
    for part, wrong in zip(record.parts(), found, strict=True):
        if wrong:
            msg = f"part {part.key} of backup {record.backup_id} {wrong}: choose another backup"
            raise BackupUnprovenError(msg)


def problem_of(store: ObjectStore, part: Part, *, current: bool = True) -> str | None:
    """What is wrong with one part by S3's own word, None when it is what was recorded."""
    if not part.version_id:
        return "has no version: turn the bucket's versioning on, then make a new backup"
    stored = store.head(part.key, None if current else part.version_id)
    if stored is not None and part.is_stored_as(stored):
        return None
    if current and problem_of(store, part, current=False) is None:
        return "was deleted or overwritten; a restore by the backup's id takes the old version while S3 has it"
    return "is missing" if stored is None else "is not what was recorded"


def read_manifests(store: ObjectStore, record: BackupRecord, plural: str) -> list[Manifest]:
    """All exported objects of one kind, their bytes proven against the record."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [
        document
        for each in record.manifests
        if each.plural == plural
        for document in yaml.load_all(read_part(store, each.part), Loader=loader)
    ]


def read_evidence(store: ObjectStore, record: BackupRecord, name: str) -> Any:
    """One evidence file (`source.json`, `ownership.json`), its bytes proven against the record."""
    if name not in record.evidence:
        msg = f"backup {record.backup_id} has no evidence {name}: choose another backup"
        raise BackupUnprovenError(msg)
    return json.loads(read_part(store, record.evidence[name]))


def read_part(store: ObjectStore, part: Part) -> bytes:
    """The bytes of a small part, proven against its digest; BackupUnprovenError when they are not those."""
    body = store.get(part.key, part.version_id)
    if body is None or hashlib.sha256(body).hexdigest() != part.sha256:
        msg = f"{part.key} is missing or not what was recorded: choose another backup"
        raise BackupUnprovenError(msg)
    return body


def hosted_clusters(store: ObjectStore) -> list[HostedClusterRef]:
    """All names that the bucket holds something of."""
    return [
        HostedClusterRef(namespace, name)
        for namespace in store.folders(ROOT)
        for name in store.folders(f"{ROOT}{namespace}/")
    ]


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
