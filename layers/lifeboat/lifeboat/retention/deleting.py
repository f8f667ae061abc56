"""Deletion of one backup, or of what an attempt left that never became one.

By delete markers only: versions stay until the bucket's life cycle ends them, also under Object Lock, and whoever reads
by version id still reads.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence

from lifeboat import catalog
from lifeboat.layout import ClusterLayout
from lifeboat.model import BackupKind, started_at
from lifeboat.ports import ListedObject, ObjectStore
from lifeboat.source_state import NAME as SOURCE_STATE

LEFTOVERS = datetime.timedelta(days=7)
"""How long what never became a backup is left alone: its operation may be started again."""
REMEMBERED = datetime.timedelta(days=400)
"""How long the catalog tells of a deleted backup: longer than the life cycle keeps its versions by default."""
OPEN_UPLOADS = datetime.timedelta(days=1)
"""How long an upload in parts may be open."""


def delete_backup(
    store: ObjectStore, cluster: ClusterLayout, backup_id: str, keys: Sequence[str], now: datetime.datetime
) -> None:
    """Delete a backup: the catalog is told first, then the record goes, and with it the backup, then its parts.

    Cut off anywhere, the next run goes on: the catalog's word lets it take the parts at once.
    """
    record = cluster.backup(backup_id).record
    catalog.note_deleted(store, cluster, backup_id, now)
    store.delete(record)
    for key in keys:
        if key != record:
            store.delete(key)


def leftovers(
    store: ObjectStore, cluster: ClusterLayout, backup_id: str, found: Sequence[ListedObject], now: datetime.datetime
) -> list[str]:
    """Keys of an uncommitted backup that may go.

    All, when retention began to delete it. Otherwise only once nothing of it was written for a week, and what a
    quiesced one's source was like stays: if that source is still paused, it is resumed by this file alone.
    """
    keys = [each.key for each in found]
    if catalog.is_deleted(store, cluster, backup_id):
        return keys
    if max(started_at(backup_id), *(each.modified for each in found)) > now - LEFTOVERS:
        return []
    state = cluster.backup(backup_id).evidence(SOURCE_STATE)
    keeps_state = f"-{BackupKind.QUIESCED.value}-" in backup_id
    return [key for key in keys if not (keeps_state and key == state)]


def abort_uploads(store: ObjectStore, cluster: ClusterLayout, now: datetime.datetime) -> int:
    """Abort uploads of backups that began more than a day ago; returns how many."""
    aborted = 0
    for each in store.open_uploads(cluster.backups):
        backup_id = cluster.backup_of(each.key)
        if backup_id and is_older(backup_id, now - OPEN_UPLOADS):
            store.abort_upload(each.key, each.upload_id)
            aborted += 1
    return aborted


def forget(store: ObjectStore, entries: Iterable[catalog.Entry], now: datetime.datetime) -> None:
    """Take out of the catalog what was deleted long ago, once nothing of it is left."""
    for each in entries:
        gone = each.deleted_at is not None and each.deleted_at < now - REMEMBERED
        if gone and not store.keys(each.cluster.backup(each.backup_id).prefix):
            catalog.forget(store, each)


def is_older(backup_id: str, than: datetime.datetime) -> bool:
    """Whether a backup was opened before a time; False for what is no backup id."""
    try:
        return started_at(backup_id) < than
    except ValueError:
        return False
