"""One snapshot of etcd: saved in a member's pod, digested there, uploaded from there, proven by S3.

Its bytes never cross a function, so a cluster's size is bounded by its quota and not by a function's memory. Exec is
no proof of anything: the pod computes the digests, and S3 refuses other bytes than those.

    start → (check)* → start_upload → (check_upload)* → verify;  discard removes what lies in the pods

All of it may run twice: the staging folder is named after the backup and the round, and belongs to the execution with
the highest epoch.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from lifeboat import podshell
from lifeboat.errors import (
    ApiUnavailableError,
    EtcdNotReadyError,
    ExecIncompleteError,
    LeaseLostError,
    ObjectRefusedError,
    SnapshotFailedError,
)
from lifeboat.etcd import members, scripts
from lifeboat.etcd.members import CONTAINER
from lifeboat.layout import BackupLayout
from lifeboat.podshell import PodRef
from lifeboat.ports import ManagementCluster, ObjectStore

SINGLE_PUT_LIMIT = 5 * 1024**3
"""Bytes that S3 takes in one PUT."""
_ROOM_FACTOR, _ROOM_EXTRA = 1.1, 64 * 1024**2
_TAIL, _PAGE = 32, 512
_URL_SECONDS = 3600
_NEWER, _NO_ROOM = 3, 4


@dataclass(frozen=True)
class Staging:
    """Where one snapshot is made: `/tmp/lifeboat/<id>` of one pod."""

    namespace: str
    pod: str
    id: str
    epoch: int

    @property
    def ref(self) -> PodRef:
        return PodRef(self.namespace, self.pod, CONTAINER)


@dataclass(frozen=True)
class SavedSnapshot:
    """A complete snapshot file in a pod. `sha256` hex, `size` bytes, `total_keys` living at its `revision`."""

    sha256: str
    size: int
    revision: int
    total_keys: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def start(cluster: ManagementCluster, staging: Staging, db_size: int) -> None:
    """Begin (or go on with) saving a snapshot.

    Raises SnapshotFailedError when the pod has no room or lacks a tool, LeaseLostError when a newer execution works
    there.
    """
    if db_size > SINGLE_PUT_LIMIT:
        msg = f"etcd in {staging.ref} has {db_size} bytes, more than one upload takes (5 GiB): defragment it first"
        raise SnapshotFailedError(msg)
    room = int(db_size * _ROOM_FACTOR) + _ROOM_EXTRA
    _run(cluster, staging, scripts.START_SNAPSHOT, str(room), scripts.SAVE)


def check(cluster: ManagementCluster, staging: Staging) -> tuple[int, SavedSnapshot | None]:
    """Bytes so far, and the snapshot once it is complete and whole.

    Raises SnapshotFailedError when etcdctl failed, or the file is not a database with its own digest at its end.
    """
    said = members.facts(podshell.run(cluster, staging.ref, scripts.CHECK_SNAPSHOT, staging.id))
    size = int(said.get("bytes") or 0)  # etcdctl may rename the file just before it is counted: then nothing is told
    if "rc" not in said:
        return size, None
    if said["rc"] != "0":
        msg = f"the snapshot in {staging.ref} failed ({said['rc']}): {said.get('log', 'its process is gone')}"
        raise SnapshotFailedError(msg)
    return size, _whole(cluster, staging, said)


def start_upload(
    cluster: ManagementCluster, store: ObjectStore, layout: BackupLayout, staging: Staging, saved: SavedSnapshot
) -> bool:
    """Begin the upload; False when S3 has these very bytes already."""
    if is_stored(store, layout, saved):
        return False
    url, headers = store.presigned_put(layout.snapshot(saved.sha256), saved.sha256, _URL_SECONDS)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if len(lines) != 2:  # noqa: PLR2004 - what the script reads: the checksum and create-if-absent
        raise SnapshotFailedError("the upload needs its two headers")
    _run(cluster, staging, scripts.START_UPLOAD, scripts.UPLOAD, secrets=[url, *lines])
    return True


def check_upload(
    cluster: ManagementCluster, store: ObjectStore, layout: BackupLayout, staging: Staging, saved: SavedSnapshot
) -> bool:
    """Whether S3 has the snapshot; SnapshotFailedError when the upload ended and it has not."""
    if is_stored(store, layout, saved):
        return True
    said = members.facts(podshell.run(cluster, staging.ref, scripts.CHECK_UPLOAD, staging.id))
    if "http" not in said or is_stored(store, layout, saved):
        return "http" in said
    msg = f"the upload from {staging.ref} failed (HTTP {said['http']}): {said.get('log') or 'its process is gone'}"
    raise SnapshotFailedError(msg)


def is_stored(store: ObjectStore, layout: BackupLayout, saved: SavedSnapshot) -> bool:
    """Whether S3's own size and checksum are those that the pod computed."""
    stored = store.head(layout.snapshot(saved.sha256))
    return stored is not None and (stored.size, stored.sha256) == (saved.size, saved.sha256)


def discard(cluster: ManagementCluster, namespace: str, backup_id: str) -> list[str]:
    """Remove all staging of a backup from every etcd pod and end what still runs; returns pods that did not answer."""
    silent = []
    for pod in members.pods(cluster, namespace):
        try:
            podshell.run(cluster, pod, scripts.DISCARD, backup_id)
        except (ApiUnavailableError, ExecIncompleteError, ObjectRefusedError):
            silent.append(pod.name)  # its /tmp goes with the pod
    return silent


def _run(
    cluster: ManagementCluster, staging: Staging, script: str, *arguments: str, secrets: list[str] | None = None
) -> None:
    said = podshell.run(cluster, staging.ref, script, staging.id, str(staging.epoch), *arguments, secrets=secrets or ())
    words = members.last_line(said.output)
    if said.exit_code == _NEWER:
        msg = f"a newer execution works in {staging.ref}: this one must stop"
        raise LeaseLostError(msg)
    if said.exit_code == _NO_ROOM:
        msg = f"{staging.ref} has no room for a snapshot: {words}; free its node's ephemeral storage"
        raise SnapshotFailedError(msg)
    if said.exit_code:
        msg = f"{staging.ref} cannot make a snapshot (exit code {said.exit_code}): {words}"
        raise SnapshotFailedError(msg)


def _whole(cluster: ManagementCluster, staging: Staging, said: dict[str, str]) -> SavedSnapshot:
    """Etcd writes the SHA-256 of the database behind it: proof that the file is complete (size mod 512 is 32)."""
    size = int(said["size"])
    if size % _PAGE != _TAIL or said["body"] != said["tail"]:
        msg = f"the snapshot in {staging.ref} is not a whole etcd database ({size} bytes): take another"
        raise SnapshotFailedError(msg)
    try:
        status = json.loads(said.get("status") or "null")
    except ValueError:
        status = None
    if isinstance(status, dict) and "revision" in status:
        revision = int(status["revision"])
    else:  # no tool in this image tells a snapshot's status: the member itself is the next best witness
        revision = members.status(cluster, staging.ref).revision
    # `totalKey` of a status counts old revisions and etcd's own entries: useless for comparing afterwards.
    try:
        keys = members.count_keys(cluster, staging.ref, revision)
    except EtcdNotReadyError:  # compacted since (writers run in an online backup): today's count is close to it
        keys = members.count_keys(cluster, staging.ref)
    return SavedSnapshot(said["sha256"], size, revision, keys)
