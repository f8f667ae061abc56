"""The states around one snapshot.

Their answers are references and figures, below `$.snapshot`, `$.transfer` and `$.verified` of the machine's data.
Digests of parts are none of them: they go from the pod into evidence.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from lifeboat.errors import BackupUnprovenError, EtcdNotReadyError, SnapshotFailedError
from lifeboat.etcd import choice, later, look, members, snapshot, transfer
from lifeboat.etcd.snapshot import MIB, Staging, StagingGone
from lifeboat.etcd.transfer import Progress
from lifeboat.layout import BackupLayout, ClusterLayout
from lifeboat.model import BackupKind, Pace, Task
from lifeboat.ports import ManagementCluster, ObjectStore, composite_of

EVIDENCE = "snapshot.json"
ROUNDS = 3
"""How often a snapshot is taken: again when etcd took a write after a quiesced one, or its pod was replaced."""
LOOKS = 1200
"""Looks of all rounds together: each is nine events of a history that AWS ends at 25,000, without any Catch."""
STILL_SECONDS = 300
"""How long nothing may move before a transfer is given up."""
_WAITS = ((40, 1), (160, 3))
"""(up to this look, seconds to wait): small databases are done at once, large ones take minutes anyway."""
_LATE_WAIT = 10
_SAVING_WAIT = 5
"""Longest wait while an online backup is saved: what comes meanwhile, paced, is a few parts."""
_LOOK_SECONDS = 1
"""About how long a look takes."""


def start_snapshot(cluster: ManagementCluster, store: ObjectStore, task: Task, pace: Pace) -> dict[str, Any]:
    """Begin a snapshot at the member that suits the kind of backup, and open its upload.

    What older executions left is removed: their staging in all etcd pods, and uploads of this hosted cluster that
    nobody ended. The lease is ours, so none of it is in use.
    """
    namespace = task.hosted_cluster.control_plane_namespace
    chosen = choice.take(cluster, task)
    number = int((task.data.get("snapshot") or {}).get("round", 0)) + 1
    if number > ROUNDS:
        msg = f"the snapshot of {task.hosted_cluster} broke off {ROUNDS} times: {task.data['transfer']['waitingFor']}"
        raise SnapshotFailedError(msg)
    name = f"{task.operation.epoch}-{number}"
    size = snapshot.part_size(chosen.member.db_size)
    staging = Staging(namespace, chosen.member.pod, f"{task.backup_id}-{name}", task.operation.epoch, size)
    key = _layout(task).snapshot(name)
    source = dataclasses.replace(
        snapshot.source_of(cluster, staging, chosen.member.db_size),
        revision=chosen.member.revision,
        acknowledged=chosen.acknowledged,
    )
    source = snapshot.start(cluster, staging, source, _pace(task, pace))
    # While it is saved, so that the hosted API is not away for it.
    for each in store.open_uploads(ClusterLayout(task.hosted_cluster, str(task.infra_id)).backups):
        if each.key != key:
            store.abort_upload(each.key, each.upload_id)
    snapshot.sweep(cluster, staging)
    return {
        "pod": staging.pod,
        "stagingId": staging.id,
        "key": key,
        "round": number,
        "etcdVersion": chosen.member.version,
        "partSize": size,
        "dbSize": source.db_size,
        "revision": source.revision,
        "acknowledged": source.acknowledged,
        "alarms": list(chosen.alarms),
        "note": chosen.note,
        "uploadId": store.open_upload(key),
    }


def transfer_snapshot(cluster: ManagementCluster, store: ObjectStore, task: Task) -> dict[str, Any]:
    """One look: `done` once the object is in S3 and all is told of it, `lost` when another round has to begin."""
    begun, before = task.data["snapshot"], task.data.get("transfer") or {}
    same = before.get("stagingId") == begun["stagingId"]
    attempt = int(before.get("attempt", 0)) + 1
    progress = Progress(**before["progress"]) if same else Progress(begun["uploadId"])
    answer: dict[str, Any] = {"stagingId": begun["stagingId"], "attempt": attempt, "wait": 1, "lost": False}
    try:
        now = transfer.advance(cluster, store, _staging(task), begun["key"], progress)
    except StagingGone as gone:
        told = {"progress": dataclasses.asdict(progress), "still": 0, "waitingFor": str(gone)}
        return {**answer, **told, "done": False, "lost": True}
    wait = _wait(task, attempt, progress, now)
    still = int(before.get("still", 0)) + max(wait, 1) if same and now == progress else 0
    done = now.is_complete and now.is_described
    text = _in_words(now, begun)
    if not done and (attempt >= LOOKS or still > STILL_SECONDS):
        msg = f"the snapshot of {task.hosted_cluster} does not come on after {attempt} looks: {text}"
        raise SnapshotFailedError(msg)
    return {
        **answer,
        "wait": wait,
        "progress": dataclasses.asdict(now),
        "still": still,
        "waitingFor": text,
        "done": done,
    }


def verify_snapshot(cluster: ManagementCluster, store: ObjectStore, task: Task) -> dict[str, Any]:
    """Compare S3's checksum with the pod's digests, and, if quiesced, prove that nothing was written afterwards.

    Writes down what was proven (`evidence/snapshot.<digest>.json`). Answers `again: true` when something was written,
    or the pod's account is lost: then the next round saves another. Raises BackupUnprovenError when S3 holds other
    bytes, SnapshotFailedError when etcd is written to although its writers are gone.
    """
    begun, number = task.data["snapshot"], int(task.data["snapshot"]["round"])
    staging = _staging(task)
    try:
        seen = snapshot.whole_look(cluster, staging)
        if seen.whole is None:
            raise StagingGone(f"the snapshot in {staging.ref} is no longer whole")
    except StagingGone as gone:
        return _again(str(gone), number)
    snapshot.prove(staging, seen.whole, seen.parts)
    composite = composite_of([each.sha256 for each in seen.parts])
    stored = store.head(begun["key"])
    if stored is None or (stored.size, stored.composite) != (seen.whole.size, composite):
        msg = f"{begun['key']} is not what etcd wrote in {staging.ref}: start again"
        raise BackupUnprovenError(msg)
    revision = _revision(cluster, staging, seen.revision, begun["revision"])
    if revision is None:
        return _again(f"it is at revision {seen.revision}, {staging.ref} had {begun['revision']} before", number)
    acknowledged = begun["acknowledged"]
    written: int | None = 0
    if task.data["kind"] == BackupKind.QUIESCED:
        written = later.later_writes(cluster, staging.namespace, revision, quorum=acknowledged is not None)
    elif revision < (acknowledged or 0) and seen.revision is not None:
        return _again(f"{staging.ref} was at revision {revision}, {acknowledged} was acknowledged before", number)
    if written != 0 and number >= ROUNDS:
        seen_later = f"{written} writes" if written else "changes that it does not tell"
        msg = (
            f"etcd of {task.hosted_cluster} took {seen_later} after revision {revision} although its API servers are "
            "gone: find who else holds a client certificate, then start again"
        )
        raise SnapshotFailedError(msg)
    if written != 0:
        return _again("etcd took writes after it", number)
    figures = {
        "sha256": seen.whole.sha256,
        "size": seen.whole.size,
        "composite": composite,
        "revision": revision,
        "totalKeys": _keys(cluster, staging, revision, quorum=acknowledged is not None),
        "member": staging.pod,
    }
    evidence = {
        **figures,
        "partSize": begun["partSize"],
        "parts": [each.sha256 for each in seen.parts],
        "body": seen.whole.body,
        "revisionIs": "exact" if seen.revision == revision else "lower bound",
        "alarms": begun["alarms"],
        "quorum": acknowledged is not None,
        "note": begun["note"],
        "members": _members(cluster, staging.namespace),
        "way": task.data["transfer"]["progress"]["way"],
    }
    return {
        "again": False,
        "round": number,
        "key": begun["key"],
        "versionId": stored.version_id,
        **figures,
        "etcdVersion": begun["etcdVersion"],
        "evidence": _write_down(store, task, evidence),
    }


def discard_snapshot(cluster: ManagementCluster, store: ObjectStore, task: Task) -> dict[str, Any]:
    """Remove what snapshots of this backup left in the pods, then in S3; nothing when no backup was opened yet.

    The uploads go even when no pod answers. A part that was under way may still arrive, so they are asked for again.
    """
    if not task.backup_id or not task.infra_id:
        return {"silent": [], "aborted": 0}
    namespace = task.hosted_cluster.control_plane_namespace
    try:
        silent = snapshot.discard(cluster, namespace, task.backup_id, task.operation.epoch)
    finally:
        aborted = _abort(store, task)
    return {"silent": silent, "aborted": aborted}


def _abort(store: ObjectStore, task: Task) -> int:
    aborted = 0
    for _ in range(3):
        there = store.open_uploads(_layout(task).prefix)
        for each in there:
            store.abort_upload(each.key, each.upload_id)
        aborted += len(there)
        if not there:
            break
    return aborted


def _again(why: str, number: int) -> dict[str, Any]:
    if number >= ROUNDS:
        msg = f"a snapshot was taken {number} times, the last one is no good: {why}"
        raise SnapshotFailedError(msg)
    return {"again": True, "round": number, "why": why}


def _revision(cluster: ManagementCluster, staging: Staging, told: int | None, before: int) -> int | None:
    """The snapshot's revision, a lower bound where no tool told it; None when it cannot be that of this member.

    `before`: what the member had when the save began. A tool finds the newest revision that is left in the file: less,
    where the last ones were deletions and are compacted.
    """
    if told is None or told >= before:
        return before if told is None else told
    return before if members.is_compacted(cluster, staging.ref, told) else None


def _keys(cluster: ManagementCluster, staging: Staging, revision: int, *, quorum: bool) -> int:
    """Living keys at the snapshot's revision. `totalKey` of a status counts old revisions and etcd's own entries."""
    try:
        return members.count_keys(cluster, staging.ref, revision)
    except EtcdNotReadyError:  # compacted since (writers run in an online backup): today's count is close to it
        return members.count_keys(cluster, staging.ref, serializable=not quorum)


def _members(cluster: ManagementCluster, namespace: str) -> list[dict[str, Any]]:
    there, _ = members.statuses(cluster, namespace)
    return [dataclasses.asdict(each) for each in there]


def _write_down(store: ObjectStore, task: Task, evidence: Mapping[str, Any]) -> dict[str, Any]:
    body = json.dumps(evidence, sort_keys=True, indent=1).encode()
    sha256 = hashlib.sha256(body).hexdigest()
    stored = store.put(_layout(task).evidence_of(EVIDENCE, sha256), body)
    return {"key": stored.key, "version_id": stored.version_id, "sha256": sha256, "size": stored.size}


def _in_words(now: Progress, begun: Mapping[str, Any]) -> str:
    about = max(now.digested, -(-int(begun["dbSize"]) // int(begun["partSize"])))
    how = "" if now.way == transfer.POD else ", through the function"
    return f"the snapshot ({now.size // MIB} MiB saved, {now.stored} of about {about} parts stored{how})"


def _wait(task: Task, attempt: int, before: Progress, now: Progress) -> int:
    """Seconds until the next look. `before`: what the last one knew."""
    if now.way == transfer.FUNCTION:
        return 1  # the look itself is the work
    # The last parts are on their way. If quiesced, the hosted API is away, however many they are.
    is_last = task.data["kind"] == BackupKind.QUIESCED or now.digested - now.stored <= look.WINDOW
    hurries = now.is_read and not now.is_complete and is_last
    if hurries and attempt <= _WAITS[-1][0]:  # where the way to S3 is slow, looks must not run out
        return 0
    wait = next((seconds for upto, seconds in _WAITS if attempt <= upto), _LATE_WAIT)
    if task.data["kind"] == BackupKind.QUIESCED or now.is_read or not before.size < now.size:
        return wait
    # Nobody waits for an online backup, and a look costs etcd's node something: half of what the save will still take.
    since = int((task.data.get("transfer") or {}).get("wait", 1)) + _LOOK_SECONDS
    left = max(int(task.data["snapshot"]["dbSize"]) - now.size, 0) * since / (now.size - before.size)
    return max(wait, min(_SAVING_WAIT, int(left / 2)))


def _pace(task: Task, pace: Pace) -> Pace:
    return pace if task.data["kind"] == BackupKind.ONLINE else Pace()


def _layout(task: Task) -> BackupLayout:
    return ClusterLayout(task.hosted_cluster, str(task.infra_id)).backup(str(task.backup_id))


def _staging(task: Task) -> Staging:
    begun = task.data["snapshot"]
    namespace = task.hosted_cluster.control_plane_namespace
    return Staging(namespace, begun["pod"], begun["stagingId"], task.operation.epoch, begun["partSize"])
