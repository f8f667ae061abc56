"""The states around one snapshot.

Their answers are references and figures, below `$.snapshot`, `$.saved`, `$.uploaded` and `$.verified` of the branch's
data.
"""

from __future__ import annotations

from typing import Any

from lifeboat import polling
from lifeboat.errors import BackupUnprovenError, SnapshotFailedError
from lifeboat.etcd import choice, later, members, snapshot
from lifeboat.etcd.snapshot import SavedSnapshot, Staging
from lifeboat.layout import BackupLayout, ClusterLayout
from lifeboat.model import BackupKind, Task
from lifeboat.ports import ManagementCluster, ObjectStore

LOOKS = 900
"""Looks of each loop; two seconds apart. 8 GiB, etcd's largest quota, take about three minutes."""
ROUNDS = 3
"""How often a quiesced snapshot is taken again because etcd took a write after it."""


def start_snapshot(cluster: ManagementCluster, task: Task) -> dict[str, Any]:
    """Begin a snapshot at the member that suits the kind of backup."""
    namespace = task.hosted_cluster.control_plane_namespace
    there, _ = members.statuses(cluster, namespace)
    chosen = choice.choose_member(there, BackupKind(task.data["kind"]))
    number = int((task.data.get("verified") or {}).get("round", 0)) + 1
    staging = Staging(namespace, chosen.pod, f"{task.backup_id}-{number}", task.operation.epoch)
    snapshot.start(cluster, staging, chosen.db_size)
    return {"pod": staging.pod, "stagingId": staging.id, "round": number, "etcdVersion": chosen.version}


def check_snapshot(cluster: ManagementCluster, task: Task) -> dict[str, Any]:
    """One look at the snapshot: bytes so far, its digest and revision once it is whole."""
    size, saved = snapshot.check(cluster, _staging(task))
    answer = polling.look(
        task.data.get("saved"),
        [] if saved else [f"{size} bytes saved so far"],
        topic=f"snapshot {task.data['snapshot']['stagingId']}",
        at_most=LOOKS,
        error=SnapshotFailedError,
    )
    return {**answer, "bytes": size, **({"file": saved.to_json()} if saved else {})}


def start_upload(cluster: ManagementCluster, store: ObjectStore, task: Task) -> dict[str, Any]:
    """Begin the upload; nothing to do when S3 has these bytes already."""
    return {"started": snapshot.start_upload(cluster, store, _layout(task), _staging(task), _saved(task))}


def check_upload(cluster: ManagementCluster, store: ObjectStore, task: Task) -> dict[str, Any]:
    """One look at S3 and, while the object is not there, at the pod."""
    done = snapshot.check_upload(cluster, store, _layout(task), _staging(task), _saved(task))
    return polling.look(
        task.data.get("uploaded"),
        [] if done else ["S3 to have the snapshot"],
        topic=f"upload of {task.data['snapshot']['stagingId']}",
        at_most=LOOKS,
        error=SnapshotFailedError,
    )


def verify_snapshot(cluster: ManagementCluster, store: ObjectStore, task: Task) -> dict[str, Any]:
    """Compare S3's checksum with the pod's, and, if quiesced, prove that nothing was written afterwards.

    Answers `again: true` when something was: then the next round saves another. Raises BackupUnprovenError when S3
    holds other bytes, SnapshotFailedError when etcd is written to although its writers are gone.
    """
    saved, number = _saved(task), int(task.data["snapshot"]["round"])
    key = _layout(task).snapshot(saved.sha256)
    stored = store.head(key)
    if stored is None or (stored.size, stored.sha256) != (saved.size, saved.sha256):
        msg = f"{key} is not what etcd wrote at revision {saved.revision}: start again"
        raise BackupUnprovenError(msg)
    written: int | None = 0
    if task.data["kind"] == BackupKind.QUIESCED:
        written = later.later_writes(cluster, task.hosted_cluster.control_plane_namespace, saved.revision)
    if written != 0 and number >= ROUNDS:
        seen = f"{written} writes" if written else "changes that it does not tell"
        msg = (
            f"etcd of {task.hosted_cluster} took {seen} after revision {saved.revision} although its API servers are "
            "gone: find who else holds a client certificate, then start again"
        )
        raise SnapshotFailedError(msg)
    return {
        "again": written != 0,
        "round": number,
        "key": key,
        "versionId": stored.version_id,
        "sha256": saved.sha256,
        "size": saved.size,
        "revision": saved.revision,
        "totalKeys": saved.total_keys,
        "member": task.data["snapshot"]["pod"],
        "etcdVersion": task.data["snapshot"]["etcdVersion"],
    }


def discard_snapshot(cluster: ManagementCluster, task: Task) -> dict[str, Any]:
    """Remove what snapshots of this backup left in the pods; nothing when no backup was opened yet."""
    if not task.backup_id:
        return {"silent": []}
    return {"silent": snapshot.discard(cluster, task.hosted_cluster.control_plane_namespace, task.backup_id)}


def _layout(task: Task) -> BackupLayout:
    return ClusterLayout(task.hosted_cluster, str(task.infra_id)).backup(str(task.backup_id))


def _staging(task: Task) -> Staging:
    begun = task.data["snapshot"]
    return Staging(task.hosted_cluster.control_plane_namespace, begun["pod"], begun["stagingId"], task.operation.epoch)


def _saved(task: Task) -> SavedSnapshot:
    return SavedSnapshot(**task.data["saved"]["file"])
