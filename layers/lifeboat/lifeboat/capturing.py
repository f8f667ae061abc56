"""The last two states of a backup: store the manifests, and commit the record that makes it a backup."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from typing import Any

from lifeboat import backups, export, inventory
from lifeboat.backups import BackupRecord, ManifestPart, Part, SnapshotPart
from lifeboat.layout import ClusterLayout
from lifeboat.model import BackupKind, Task
from lifeboat.ports import Clock, ManagementCluster, ObjectStore, Signer
from lifeboat.quiescing import recorded_state
from lifeboat.source_state import NAME as SOURCE_STATE


def export_manifests(cluster: ManagementCluster, store: ObjectStore, task: Task) -> dict[str, Any]:
    """Store every object of the hosted cluster; answers the parts, the figures, and references that lead nowhere."""
    layout = ClusterLayout(task.hosted_cluster, str(task.infra_id)).backup(str(task.backup_id))
    found = inventory.collect(cluster, task.hosted_cluster)
    parts, ownership = export.export(store, layout, found)
    return {
        "manifests": [dataclasses.asdict(part) for part in parts],
        "ownership": dataclasses.asdict(ownership),
        "objects": sum(part.count for part in parts),
        "missing": list(found.missing),
    }


def commit_backup(store: ObjectStore, signer: Signer, task: Task, clock: Clock) -> dict[str, Any]:
    """Write the signed record, last of all.

    A backup that an earlier execution of this operation committed already is kept: its source has been at rest since.
    """
    state = recorded_state(store, task)
    layout = ClusterLayout(task.hosted_cluster, state.infra_id).backup(str(task.backup_id))
    if store.head(layout.record):
        record, sha256 = backups.load(store, signer, task.hosted_cluster, str(task.backup_id))
    else:
        record = _record(store, task, clock.now())
        sha256 = backups.commit(store, signer, record)
    return {
        "recordSha256": sha256,
        "backupId": record.backup_id,
        "kind": record.kind.value,
        "revision": record.snapshot.revision,
        "totalKeys": record.snapshot.total_keys,
        "snapshotBytes": record.snapshot.part.size,
        "objects": sum(each.count for each in record.manifests),
    }


def _record(store: ObjectStore, task: Task, now: datetime.datetime) -> BackupRecord:
    state = recorded_state(store, task)
    layout = ClusterLayout(task.hosted_cluster, state.infra_id).backup(str(task.backup_id))
    snapshot, exported = task.data["captured"]
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
        snapshot=SnapshotPart(
            part=Part(snapshot["key"], snapshot["versionId"], snapshot["sha256"], snapshot["size"]),
            revision=snapshot["revision"],
            total_keys=snapshot["totalKeys"],
            member=snapshot["member"],
            members=state.etcd["members"],
            image=state.etcd["image"],
            etcd_version=snapshot["etcdVersion"],
        ),
        manifests=manifests,
        evidence={SOURCE_STATE: source, export.OWNERSHIP: Part(**exported["ownership"])},
    )
