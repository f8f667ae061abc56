"""The last state of a backup: commit the record that makes it one."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from lifeboat import backups, catalog, export
from lifeboat.backups import BackupRecord, ManifestPart, Part, SnapshotPart
from lifeboat.errors import BackupUnprovenError
from lifeboat.etcd import later
from lifeboat.etcd.steps import EVIDENCE as SNAPSHOT
from lifeboat.layout import ClusterLayout
from lifeboat.model import BackupKind, Task
from lifeboat.ports import Clock, ManagementCluster, ObjectStore, Signer
from lifeboat.quiescing import recorded_state
from lifeboat.source_state import NAME as SOURCE_STATE
from lifeboat.source_state import SourceState


def commit_backup(
    cluster: ManagementCluster, store: ObjectStore, signer: Signer, task: Task, clock: Clock
) -> dict[str, Any]:
    """Write the signed record, last of all.

    A backup that an earlier execution of this operation committed already is kept as long as all of it is there and
    nothing was written since. Raises BackupUnprovenError otherwise: the preflight has opened a new backup if the source
    was awake then, so it woke up later.
    """
    state = recorded_state(store, task)
    layout = ClusterLayout(task.hosted_cluster, state.infra_id).backup(str(task.backup_id))
    if store.head(layout.record):
        record, sha256 = backups.load(store, signer, task.hosted_cluster, str(task.backup_id))
        backups.verify_parts(store, record)
        if record.kind is BackupKind.QUIESCED:
            _refuse_outdated(cluster, record)
    else:
        record = _record(store, task, clock.now())
        sha256 = backups.commit(store, signer, record)
    return {
        "catalogued": _catalogued(store, record),
        "recordSha256": sha256,
        "backupId": record.backup_id,
        "kind": record.kind.value,
        "revision": record.snapshot.revision,
        "totalKeys": record.snapshot.total_keys,
        "snapshotBytes": record.snapshot.part.size,
        "objects": sum(each.count for each in record.manifests),
    }


def _catalogued(store: ObjectStore, record: BackupRecord) -> bool:
    """Whether the catalog tells of the backup: a hint, for which no committed backup fails; retention makes it up."""
    try:
        catalog.note_committed(store, record)
    except Exception:  # noqa: BLE001 - whatever S3 said: the record is written, and that is what counts
        return False
    return True


def _refuse_outdated(cluster: ManagementCluster, record: BackupRecord) -> None:
    hosted, saved = record.hosted_cluster, record.snapshot
    if written := later.written_after(cluster, hosted.control_plane_namespace, saved.revision, quorum=saved.quorum):
        msg = (
            f"etcd of {hosted} took {written}, at which backup {record.backup_id} was committed: find out who woke the "
            "source, then start again with the same operationId, which makes another backup"
        )
        raise BackupUnprovenError(msg)


def _record(store: ObjectStore, task: Task, now: datetime.datetime) -> BackupRecord:
    state = recorded_state(store, task)
    layout = ClusterLayout(task.hosted_cluster, state.infra_id).backup(str(task.backup_id))
    saved, exported = task.data["verified"], task.data["exported"]
    manifests = tuple(ManifestPart(**{**each, "part": Part(**each["part"])}) for each in exported["manifests"])
    key = layout.evidence(SOURCE_STATE)
    stored, body = store.head(key), store.get(key)
    assert stored is not None and body is not None  # noqa: PT018 - recorded_state read it just now
    source = Part.of(stored, hashlib.sha256(body).hexdigest())
    return BackupRecord(
        backup_id=str(task.backup_id),
        kind=BackupKind(task.data["kind"]),
        hosted_cluster=task.hosted_cluster,
        infra_id=state.infra_id,
        source=state.source,
        operation_id=task.operation.id,
        created_at=now.astimezone(datetime.UTC).isoformat(timespec="seconds"),
        snapshot=_snapshot(store, saved, state),
        manifests=manifests,
        evidence={
            SOURCE_STATE: source,
            export.OWNERSHIP: Part(**exported["ownership"]),
            **{name: Part(**each) for name, each in exported.get("evidence", {}).items()},
            SNAPSHOT: Part(**saved["evidence"]),
        },
    )


def _snapshot(store: ObjectStore, saved: Mapping[str, Any], state: SourceState) -> SnapshotPart:
    """The snapshot with what its evidence tells of its parts and of etcd: too much for the machine's data."""
    told = json.loads(backups.read_part(store, Part(**saved["evidence"])))
    same = ("sha256", "size", "composite", "revision", "totalKeys")
    if wrong := [each for each in same if told.get(each) != saved.get(each)]:
        msg = f"{saved['evidence']['key']} is about another snapshot ({', '.join(wrong)}): start a new backup"
        raise BackupUnprovenError(msg)
    return SnapshotPart(
        part=Part(saved["key"], saved["versionId"], saved["sha256"], saved["size"], saved["composite"]),
        revision=saved["revision"],
        total_keys=saved["totalKeys"],
        member=saved["member"],
        members=state.etcd["members"],
        image=state.etcd["image"],
        etcd_version=saved["etcdVersion"],
        part_size=told["partSize"],
        part_digests=tuple(told["parts"]),
        alarms=tuple(told["alarms"]),
        quorum=told["quorum"],
        note=told["note"],
    )
