"""Backups in a store, small and whole, for tests of what the store holds."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from lifeboat import backups, catalog
from lifeboat.backups import BackupRecord, ManifestPart, Part, SnapshotPart
from lifeboat.export import to_yaml
from lifeboat.layout import ClusterLayout
from lifeboat.model import BackupKind, HostedClusterRef
from lifeboat.ports import ObjectStore, Signer

BLUE = HostedClusterRef("clusters", "blue")
PAGE, PART = 512, 1024


def a_database(pages: int = 5, seed: bytes = b"etcd") -> bytes:
    """A file as etcd writes a snapshot: whole pages, then the SHA-256 of them."""
    body = b"".join(hashlib.sha512(seed + bytes([each])).digest() * (PAGE // 64) for each in range(pages))
    return body + hashlib.sha256(body).digest()


def upload(store: ObjectStore, key: str, body: bytes, part_size: int = PART) -> tuple[Part, tuple[str, ...]]:
    """An object in parts, and the digests of its parts."""
    upload_id = store.open_upload(key)
    pieces = [body[at : at + part_size] for at in range(0, len(body), part_size)]
    parts = [store.put_part(key, upload_id, number, piece) for number, piece in enumerate(pieces, 1)]
    stored = store.complete_upload(key, upload_id, parts)
    return Part.of(stored, hashlib.sha256(body).hexdigest()), tuple(each.sha256 for each in parts)


def put(store: ObjectStore, key: str, body: bytes) -> Part:
    return Part.of(store.put(key, body), hashlib.sha256(body).hexdigest())


def a_manifest(kind: str, name: str, namespace: str = "clusters", **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **more}


def backup_id_at(time: datetime.datetime, kind: BackupKind = BackupKind.ONLINE, suffix: str = "0a1b2c3d") -> str:
    return f"{time:%Y%m%dt%H%M%Sz}-{kind.value}-{suffix}"


def a_stored_backup(
    store: ObjectStore,
    backup_id: str,
    *,
    hosted: HostedClusterRef = BLUE,
    infra_id: str = "blue-x",
    snapshot: bytes | None = None,
    part_size: int = PART,
    **etcd: Any,
) -> BackupRecord:
    """All parts of a backup and its record, not committed yet. `etcd`: alarms, quorum, note."""
    layout = ClusterLayout(hosted, infra_id).backup(backup_id)
    body = a_database() if snapshot is None else snapshot
    stored, digests = upload(store, layout.snapshot(f"{backup_id}-1"), body, part_size)
    hosted_cluster = a_manifest("HostedCluster", hosted.name, hosted.namespace, spec={"infraID": infra_id})
    secrets = [a_manifest("Secret", f"secret-{each}", data={"key": "dmFsdWU="}) for each in range(3)]
    told = {"revision": 42, "totalKeys": 7, "sha256": stored.sha256, "size": stored.size, "partSize": part_size}
    evidence: Mapping[str, Any] = {
        "source.json": {"schema": 1, "source": "mgmt-1"},
        "ownership.json": [{"name": "secret-0", "uid": "1"}],
        "snapshot.json": {**told, "parts": list(digests), "composite": stored.composite},
    }
    return BackupRecord(
        backup_id=backup_id,
        kind=BackupKind(backup_id.split("-")[1]),
        hosted_cluster=hosted,
        infra_id=infra_id,
        source="mgmt-1",
        operation_id="op",
        created_at="2026-11-03T10:00:00+00:00",
        snapshot=SnapshotPart(stored, 42, 7, "etcd-0", 3, "image", "3.5.12", part_size, digests, **etcd),
        manifests=(
            _manifests(store, layout, "hostedclusters", [hosted_cluster]),
            _manifests(store, layout, "secrets", secrets),
        ),
        evidence={name: _evidence(store, layout, name, each) for name, each in evidence.items()},
    )


def a_committed_backup(store: ObjectStore, signer: Signer, backup_id: str, **given: Any) -> BackupRecord:
    record = a_stored_backup(store, backup_id, **given)
    backups.commit(store, signer, record)
    catalog.note_committed(store, record)
    return record


def with_part(record: BackupRecord, old: Part, new: Part) -> BackupRecord:
    """The record with one manifest's part replaced."""
    swapped = [dataclasses.replace(each, part=new) if each.part == old else each for each in record.manifests]
    return dataclasses.replace(record, manifests=tuple(swapped))


def _manifests(store: ObjectStore, layout: Any, plural: str, objects: list[dict[str, Any]]) -> ManifestPart:
    body = to_yaml(objects)
    namespace = objects[0]["metadata"]["namespace"]
    part = put(store, layout.manifests(plural, namespace, hashlib.sha256(body).hexdigest()), body)
    return ManifestPart(part, plural, "", namespace, len(objects))


def _evidence(store: ObjectStore, layout: Any, name: str, document: Any) -> Part:
    body = json.dumps(document, indent=1, sort_keys=True).encode()
    if name == "source.json":
        return put(store, layout.evidence(name), body)
    return put(store, layout.evidence_of(name, hashlib.sha256(body).hexdigest()), body)
