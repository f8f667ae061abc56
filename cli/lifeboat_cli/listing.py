"""List backups by LISTs alone: the catalog's, and for one hosted cluster also what lies below its backups.

It tells what there is, not whether it can be trusted: `lifeboat verify` does, and every restore.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from lifeboat import backups, catalog
from lifeboat.catalog import Entry
from lifeboat.errors import BackupUnprovenError
from lifeboat.layout import ClusterLayout, hosted_cluster_prefix
from lifeboat.model import HostedClusterRef, is_backup_id, started_at
from lifeboat.ports import ObjectStore, Signer
from lifeboat_cli.stack import Stack

_HEAD = ("HOSTED CLUSTER", "BACKUP", "TIME (UTC)", "KIND", "REVISION", "BYTES", "OBJECTS", "STATE")


def print_backups(stack: Stack, hosted: HostedClusterRef | None, *, as_json: bool, again: bool) -> int:
    """Print a line per backup, by hosted cluster, the newest first; 1 when there is none."""
    store = stack.store()
    if again:
        for each in rebuild(store, stack.signer(), hosted):
            print(f"not proven: {each}", file=sys.stderr)
    found = listed(store, hosted, compare=again)
    if as_json:
        print(json.dumps([{**entry.to_json(), "state": state} for entry, state in found], indent=1))
    else:
        print("\n".join(table(found)) if found else f"{hosted or 'the catalog'} has no backups; --rebuild looks again")
    return 0 if found else 1


def listed(store: ObjectStore, hosted: HostedClusterRef | None, *, compare: bool = False) -> list[tuple[Entry, str]]:
    """Entries with their states, by hosted cluster, the newest first.

    For one hosted cluster, or to `compare`, they are held against the keys of the backups themselves.
    """
    entries = catalog.entries(store, hosted)
    if hosted is None and not compare:
        return [(each, _state(each)) for each in entries]
    known = {(each.cluster, each.backup_id): each for each in entries}
    found = []
    places: dict[tuple[ClusterLayout, str], bool] = {}
    for one in [hosted] if hosted else backups.hosted_clusters(store):
        places |= _below(store, one)
    newest_first = sorted({*known, *places}, key=lambda each: each[1], reverse=True)
    for place in sorted(newest_first, key=lambda each: str(each[0].hosted_cluster)):
        entry, committed = known.get(place, Entry(*place)), places.get(place)
        if committed:
            state = _state(entry) if entry.is_committed else "committed; not in the catalog: --rebuild"
        elif entry.deleted_at:
            state = _state(entry)
        else:
            state = "its record is gone" if entry.is_committed else "not committed (under way, or cut off)"
        found.append((entry, state))
    return found


def table(found: Sequence[tuple[Entry, str]]) -> list[str]:
    """Lines in columns."""
    rows = [
        (
            str(entry.cluster.hosted_cluster),
            entry.backup_id,
            f"{started_at(entry.backup_id):%Y-%m-%d %H:%M:%S}",
            entry.kind,
            *("?" if each is None else f"{each:,}" for each in (entry.revision, entry.size, entry.objects)),
            state,
        )
        for entry, state in found
    ]
    widths = [max(len(row[column]) for row in (_HEAD, *rows)) for column in range(len(_HEAD))]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (_HEAD, *rows)
    ]


def rebuild(store: ObjectStore, signer: Signer, hosted: HostedClusterRef | None) -> list[str]:
    """Make the catalog's words up from the records; returns backups whose record is not proven, and why."""
    left_out = []
    for each in [hosted] if hosted else backups.hosted_clusters(store):
        for (cluster, backup_id), committed in _below(store, each).items():
            if not committed:
                continue
            try:
                record, _ = backups.open_version(store, signer, each, cluster.infra_id, backup_id)
                catalog.note_committed(store, record)
            except BackupUnprovenError as error:
                left_out.append(f"{each} {backup_id}: {str(error).partition(': choose another')[0]}")
    return left_out


def _below(store: ObjectStore, hosted: HostedClusterRef) -> dict[tuple[ClusterLayout, str], bool]:
    """Backups of a hosted cluster by their keys, and whether there is a record."""
    found: dict[tuple[ClusterLayout, str], bool] = {}
    for infra_id in store.folders(hosted_cluster_prefix(hosted)):
        cluster = ClusterLayout(hosted, infra_id)
        for key in store.keys(cluster.backups):
            if (backup_id := cluster.backup_of(key)) and is_backup_id(backup_id):
                is_record = key == cluster.backup(backup_id).record
                found[cluster, backup_id] = found.get((cluster, backup_id), False) or is_record
    return found


def _state(entry: Entry) -> str:
    at = {"deleted": entry.deleted_at, "not proven": entry.refuted_at, "verified": entry.verified_at}.get(entry.state)
    return f"{entry.state} {at:%Y-%m-%d %H:%M}" if at else entry.state
