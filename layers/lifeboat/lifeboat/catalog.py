"""The catalog: empty objects whose *names* tell what there is, so that a fleet is listed by LISTs alone.

    committed.r<revision>.s<bytes>.n<objects>   the record was written
    verified.<time>                             all of it was read and proven, at that time
    refuted.<time>                              it was looked at then, and could not be proven
    deleted.<time>                              retention began to delete it then; it is never committed again

Words are only added. The catalog is a hint for people: nothing is restored, and nothing deleted, on its word; the one
thing that rests on it is that a deleted backup is not committed again. It can be made anew from the records.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from lifeboat.layout import ClusterLayout, catalog_prefix, read_catalog_key
from lifeboat.model import HostedClusterRef, is_backup_id, started_at
from lifeboat.ports import ObjectStore
from lifeboat.record import BackupRecord

_TIME = "%Y%m%dt%H%M%Sz"
_WORD = re.compile(r"committed\.r(\d+)\.s(\d+)\.n(\d+)|(verified|refuted|deleted)\.(\d{8}t\d{6}z)")


@dataclass(frozen=True)
class Entry:
    """What the catalog tells of one backup. `size` bytes of all parts, `objects` exported; None: not told."""

    cluster: ClusterLayout
    backup_id: str
    revision: int | None = None
    size: int | None = None
    objects: int | None = None
    verified_at: datetime.datetime | None = None
    refuted_at: datetime.datetime | None = None
    deleted_at: datetime.datetime | None = None

    @property
    def is_committed(self) -> bool:
        return self.revision is not None

    @property
    def kind(self) -> str:
        return self.backup_id.split("-")[1]

    @property
    def state(self) -> str:
        """`deleted`, `verified` (all of it was read) or `not proven`, whichever was last, `committed`, or `unknown`."""
        if self.deleted_at:
            return "deleted"
        if self.refuted_at and (self.verified_at is None or self.verified_at <= self.refuted_at):
            return "not proven"
        if self.verified_at:
            return "verified"
        return "committed" if self.is_committed else "unknown"

    def to_json(self) -> dict[str, Any]:
        hosted = self.cluster.hosted_cluster
        return {
            "hostedCluster": {"namespace": hosted.namespace, "name": hosted.name},
            "infraId": self.cluster.infra_id,
            "backupId": self.backup_id,
            "time": started_at(self.backup_id).isoformat(),
            "kind": self.kind,
            "revision": self.revision,
            "size": self.size,
            "objects": self.objects,
            "state": self.state,
            "verifiedAt": self.verified_at.isoformat() if self.verified_at else None,
            "refutedAt": self.refuted_at.isoformat() if self.refuted_at else None,
            "deletedAt": self.deleted_at.isoformat() if self.deleted_at else None,
        }


def cluster_of(record: BackupRecord) -> ClusterLayout:
    """Where the catalog tells of a record's backup."""
    return ClusterLayout(record.hosted_cluster, record.infra_id)


def note_committed(store: ObjectStore, record: BackupRecord) -> None:
    """Tell that a backup was committed; twice is once."""
    objects = sum(each.count for each in record.manifests)
    word = f"committed.r{record.snapshot.revision}.s{record.size}.n{objects}"
    store.put(cluster_of(record).catalog(record.backup_id, word), b"")


def note_verified(store: ObjectStore, record: BackupRecord, now: datetime.datetime) -> None:
    """Tell that all of a backup was read and proven."""
    store.put(cluster_of(record).catalog(record.backup_id, f"verified.{_written(now)}"), b"")


def note_refuted(store: ObjectStore, cluster: ClusterLayout, backup_id: str, now: datetime.datetime) -> None:
    """Tell that a backup was looked at and not proven."""
    store.put(cluster.catalog(backup_id, f"refuted.{_written(now)}"), b"")


def note_deleted(store: ObjectStore, cluster: ClusterLayout, backup_id: str, now: datetime.datetime) -> None:
    """Tell, before the first object goes, that a backup is being deleted; the first time counts."""
    if not is_deleted(store, cluster, backup_id):
        store.put(cluster.catalog(backup_id, f"deleted.{_written(now)}"), b"")


def is_deleted(store: ObjectStore, cluster: ClusterLayout, backup_id: str) -> bool:
    """Whether retention has begun to delete a backup."""
    return bool(store.keys(cluster.catalog(backup_id, "deleted.")))


def forget(store: ObjectStore, entry: Entry) -> None:
    """Remove all words about a backup, the one that it was deleted last."""
    keys = store.keys(entry.cluster.catalog(entry.backup_id))
    for key in sorted(keys, key=lambda each: each.rpartition("/")[2].startswith("deleted.")):
        store.delete(key)


def entries(store: ObjectStore, hosted_cluster: HostedClusterRef | None = None) -> list[Entry]:
    """All backups of the catalog, or those of one hosted cluster name: by namespace and name, the newest first."""
    return of_keys(store.keys(catalog_prefix(hosted_cluster)))


def of_keys(keys: Iterable[str]) -> list[Entry]:
    """What the keys of a catalog tell. Words and ids that are none of ours are left out."""
    found: dict[tuple[ClusterLayout, str], Entry] = {}
    for key in keys:
        place = read_catalog_key(key)
        if place is None or not is_backup_id(place[1]):
            continue
        cluster, backup_id, word = place
        there = found.get((cluster, backup_id), Entry(cluster, backup_id))
        found[cluster, backup_id] = _with(there, word)
    newest_first = sorted(found.values(), key=lambda each: each.backup_id, reverse=True)
    return sorted(newest_first, key=lambda each: str(each.cluster.hosted_cluster))


def _with(entry: Entry, word: str) -> Entry:
    told = _WORD.fullmatch(word)
    if told is None:
        return entry
    if told[1]:
        return replace(entry, revision=int(told[1]), size=int(told[2]), objects=int(told[3]))
    try:
        at = datetime.datetime.strptime(told[5], _TIME).replace(tzinfo=datetime.UTC)
    except ValueError:
        return entry
    if told[4] == "verified":
        return replace(entry, verified_at=max(at, entry.verified_at or at))
    if told[4] == "refuted":
        return replace(entry, refuted_at=max(at, entry.refuted_at or at))
    return replace(entry, deleted_at=min(at, entry.deleted_at or at))


def _written(now: datetime.datetime) -> str:
    return f"{now.astimezone(datetime.UTC):{_TIME}}"
