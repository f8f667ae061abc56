"""The last two states of a backup: store the manifests, and commit the record that makes it a backup."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from collections.abc import Mapping
from typing import Any

from lifeboat import backups, export, inventory
from lifeboat.backups import BackupRecord, ManifestPart, Part, SnapshotPart
from lifeboat.errors import BackupUnprovenError, PreflightError
from lifeboat.etcd import snapshot
from lifeboat.inventory import Inventory
from lifeboat.layout import ClusterLayout
from lifeboat.model import BackupKind, Task
from lifeboat.ports import Clock, Instances, ManagementCluster, ObjectStore, Signer
from lifeboat.quiescing import recorded_state
from lifeboat.resources import MACHINES
from lifeboat.source_state import NAME as SOURCE_STATE
from lifeboat.source_state import SourceState
from lifeboat.verification.instances import DEAD


def export_manifests(
    cluster: ManagementCluster, store: ObjectStore, instances: Instances, task: Task
) -> dict[str, Any]:
    """Store every object of the hosted cluster; answers the parts, the figures, and references that lead nowhere.

    Raises PreflightError when Machines or instances of a source at rest are not those that the preflight recorded:
    they changed while its controllers still ran, and what was recorded is what must come out of a move.
    """
    layout = ClusterLayout(task.hosted_cluster, str(task.infra_id)).backup(str(task.backup_id))
    found = inventory.collect(cluster, task.hosted_cluster)
    if task.data["kind"] == BackupKind.QUIESCED:
        state = recorded_state(store, task)
        if changed := _changed(found, instances.of(state.infra_id), state):
            msg = f"{task.hosted_cluster} changed after its preflight: {'; '.join(changed)}; start again once it rests"
            raise PreflightError(msg)
    parts, ownership = export.export(store, layout, found)
    return {
        "manifests": [dataclasses.asdict(part) for part in parts],
        "ownership": dataclasses.asdict(ownership),
        "objects": sum(part.count for part in parts),
        "missing": list(found.missing),
    }


def commit_backup(
    cluster: ManagementCluster, store: ObjectStore, signer: Signer, task: Task, clock: Clock
) -> dict[str, Any]:
    """Write the signed record, last of all.

    A backup that an earlier execution of this operation committed already is kept as long as nothing was written
    since. Raises BackupUnprovenError otherwise: the preflight has opened a new backup if the source was awake then,
    so it woke up later.
    """
    state = recorded_state(store, task)
    layout = ClusterLayout(task.hosted_cluster, state.infra_id).backup(str(task.backup_id))
    if store.head(layout.record):
        record, sha256 = backups.load(store, signer, task.hosted_cluster, str(task.backup_id))
        if record.kind is BackupKind.QUIESCED:
            _refuse_outdated(cluster, record)
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


def _refuse_outdated(cluster: ManagementCluster, record: BackupRecord) -> None:
    hosted = record.hosted_cluster
    if written := snapshot.written_after(cluster, hosted.control_plane_namespace, record.snapshot.revision):
        msg = (
            f"etcd of {hosted} took {written}, at which backup {record.backup_id} was committed: find out who woke the "
            "source, then start again with the same operationId, which makes another backup"
        )
        raise BackupUnprovenError(msg)


def _changed(found: Inventory, instances: Mapping[str, str], state: SourceState) -> list[str]:
    """Machines (by providerID) and living instances that are not as recorded, in words."""
    machines = {each["metadata"]["name"]: each["spec"].get("providerID") for each in found.of(MACHINES)}
    living = {each for each, status in instances.items() if status not in DEAD}
    recorded = {each for each, status in state.instances.items() if status not in DEAD}
    return [
        *(f"Machine {name} is gone" for name in sorted(state.provider_ids.keys() - machines.keys())),
        *(f"Machine {name} is new" for name in sorted(machines.keys() - state.provider_ids.keys())),
        *(
            f"Machine {name} is {machines[name]}, was {was}"
            for name, was in state.provider_ids.items()
            if machines.get(name, was) != was
        ),
        *(f"instance {each} is gone" for each in sorted(recorded - living)),
        *(f"instance {each} is new" for each in sorted(living - recorded)),
    ]


def _record(store: ObjectStore, task: Task, now: datetime.datetime) -> BackupRecord:
    state = recorded_state(store, task)
    layout = ClusterLayout(task.hosted_cluster, state.infra_id).backup(str(task.backup_id))
    saved, exported = task.data["captured"]
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
            part=Part(saved["key"], saved["versionId"], saved["sha256"], saved["size"]),
            revision=saved["revision"],
            total_keys=saved["totalKeys"],
            member=saved["member"],
            members=state.etcd["members"],
            image=state.etcd["image"],
            etcd_version=saved["etcdVersion"],
        ),
        manifests=manifests,
        evidence={SOURCE_STATE: source, export.OWNERSHIP: Part(**exported["ownership"])},
    )
