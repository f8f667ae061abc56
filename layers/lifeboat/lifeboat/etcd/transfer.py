"""The way of a snapshot to S3, look by look: what the pod has read, what S3 has, what is handed over next.

S3 is the memory. Which parts are stored, and with which digest, is asked of it; a look that runs twice, beside a late
twin or after a crash finds the same state and goes on there. A part counts as stored when S3's own checksum of it is
the digest that the worker computed, so bytes of a snapshot that was begun anew are overwritten.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from lifeboat.errors import BackupUnprovenError, LeaseLostError, SnapshotFailedError
from lifeboat.etcd import look, members, pieces, snapshot
from lifeboat.etcd.lanes import HAND_OVER, deal
from lifeboat.etcd.look import Look
from lifeboat.etcd.snapshot import Staging, StagingGone
from lifeboat.ports import ManagementCluster, ObjectStore, StoredPart

POD, FUNCTION = "pod", "function"
TRIES = 5
"""How often one part may fail before the snapshot is given up."""
_URL_SECONDS = 900
_AGAIN = "2"
_WORK_SECONDS = 20.0
"""How long one look carries parts itself."""
_UNREACHED, _UNREACHED_LATER = 2, 8
"""Tries in a row without an answer from S3 after which the pod has no route: before and after the first stored part."""


@dataclass(frozen=True)
class Progress:
    """How far a transfer is; it travels in the machine's data. `stored`: S3 has the parts up to this number."""

    upload_id: str
    way: str = POD
    stored: int = 0
    size: int = 0
    digested: int = 0
    is_read: bool = False
    """Whether every part is there to be sent."""
    is_complete: bool = False
    """Whether the object is there, made of exactly these parts."""
    is_described: bool = False
    """Whether the worker has told all it can tell, revision included."""


def advance(
    cluster: ManagementCluster,
    store: ObjectStore,
    staging: Staging,
    key: str,
    progress: Progress,
) -> Progress:
    """One look: go on with what can go on.

    Raises StagingGone when what the worker made is lost, SnapshotFailedError when it failed or S3 refuses for good,
    LeaseLostError when a newer execution works there.
    """
    seen = snapshot.look_at(cluster, staging, progress.stored)
    _refuse_failed(staging, seen)
    progress = replace(
        progress,
        size=seen.size,
        digested=seen.digested,
        way=FUNCTION if progress.way == FUNCTION or not _has_route(seen, progress) else POD,
        is_read=seen.whole is not None,
        is_described=seen.code == "0",
    )
    if progress.is_complete:
        return progress
    stored = store.stored_parts(key, progress.upload_id, after=progress.stored)
    if stored is None:
        if store.head(key) is not None:  # by a look whose answer was lost
            return replace(progress, is_complete=True)
        progress = replace(progress, upload_id=store.open_upload(key), stored=0)
        try:
            seen = snapshot.look_at(cluster, staging)
        except (StagingGone, LeaseLostError):  # a late twin: it was ended for good, and nobody ends this one
            store.abort_upload(key, progress.upload_id)
            raise
        stored = store.stored_parts(key, progress.upload_id) or []
    there = {each.number: each.sha256 for each in stored}
    missing = [each for each in seen.parts if there.get(each.number) != each.sha256]
    progress = replace(progress, stored=look.next_to(seen.parts, stored, progress.stored))
    if seen.whole and progress.stored == seen.digested:
        return _complete(cluster, store, staging, key, progress)
    if progress.way == FUNCTION:
        _carry(cluster, store, staging, key, progress.upload_id, missing)
    else:
        waiting = [each for each in missing if each.number not in seen.flying]
        _hand_over(cluster, store, staging, key, progress.upload_id, waiting, seen.idle)
    return progress


def _refuse_failed(staging: Staging, seen: Look) -> None:
    if seen.code == _AGAIN or (seen.code is None and not seen.alive):
        msg = f"the snapshot in {staging.ref} broke off: {members.last_line(seen.log or 'its process is gone')}"
        raise StagingGone(msg)
    if seen.code not in {None, "0"}:
        msg = f"the snapshot in {staging.ref} failed: {members.last_line(seen.log)}"
        raise SnapshotFailedError(msg)
    for number, failed in seen.failed.items():
        if failed.tries >= TRIES and failed.http != "000":
            how = f"HTTP {failed.http} {failed.word}".strip() + (f", curl {failed.curl}" if failed.curl != "0" else "")
            msg = f"S3 refuses part {number} of the snapshot in {staging.ref} ({how}) after {failed.tries} tries"
            raise SnapshotFailedError(msg)


def _has_route(seen: Look, progress: Progress) -> bool:
    unreached = _UNREACHED_LATER if progress.stored else _UNREACHED
    return seen.curl and seen.no_route < unreached


def _hand_over(
    cluster: ManagementCluster,
    store: ObjectStore,
    staging: Staging,
    key: str,
    upload_id: str,
    parts: list[StoredPart],
    idle: int,
) -> None:
    hands = deal(parts, idle)
    if not hands:
        return
    lines = []
    for part in (each for hand in hands for each in hand):
        url, headers = store.presigned_part(key, upload_id, part, _URL_SECONDS)
        ((name, value),) = headers.items()
        lines += [url, f"{name}: {value}"]
    numbers = [" ".join(str(each.number) for each in hand) for hand in hands]
    snapshot.run(cluster, staging, HAND_OVER, *numbers, secrets=lines)


def _carry(
    cluster: ManagementCluster, store: ObjectStore, staging: Staging, key: str, upload_id: str, parts: list[StoredPart]
) -> None:
    deadline = time.monotonic() + _WORK_SECONDS
    for part in parts:
        store.put_part(key, upload_id, part.number, pieces.read_part(cluster, staging, part))
        if time.monotonic() > deadline:
            return


def _complete(
    cluster: ManagementCluster, store: ObjectStore, staging: Staging, key: str, progress: Progress
) -> Progress:
    """Make the object of all parts, once the file is proven; a part that is another one now is sent again."""
    seen = snapshot.whole_look(cluster, staging)
    stored = store.stored_parts(key, progress.upload_id) or []
    upto = look.next_to(seen.parts, stored, 0)
    if seen.whole is None or upto != len(seen.parts) or len(stored) != upto:
        return replace(progress, stored=upto)
    snapshot.prove(staging, seen.whole, seen.parts)
    try:
        store.complete_upload(key, progress.upload_id, stored)
    except BackupUnprovenError:
        if store.head(key) is not None:
            raise
        return replace(progress, stored=0)  # the upload was aborted or a part replaced meanwhile: look anew
    return replace(progress, is_complete=True)
