"""Whether `etcdRestore: snapshotUrl` is safe for this backup: docs/decisions/0002 tells what it cannot do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lifeboat.model import BackupKind
from lifeboat.restore.loading import SNAPSHOT_URL
from lifeboat.restore.preflight.look import Look

STAGES_FROM = (4, 22)
"""Hosted releases whose init script restores beside etcd's folder and renames it: before, a restore that was cut off
left a folder on which etcd starts."""

_INSTEAD = "restore by `volumes`"


def problems(look: Look) -> Iterator[str]:
    """All that stands against it; nothing unless it was asked for."""
    destination = look.destination
    if destination.etcd_restore != SNAPSHOT_URL:
        return
    record, state = destination.record, destination.state
    snapshot = record.snapshot
    if state.availability != "SingleReplica" or snapshot.members != 1:
        yield (
            "etcdRestore `snapshotUrl` would make of several members of etcd as many clusters (this hosted cluster is "
            f"{state.availability}): {_INSTEAD}"
        )
    if not _stages(state.release_version):
        yield (
            f"the hosted release {state.release_version or 'of unknown version'} is older than "
            f"{'.'.join(map(str, STAGES_FROM))} and restores a snapshot's URL straight into etcd's folder, half of it "
            f"if it is cut off: {_INSTEAD}"
        )
    if snapshot.alarms or not snapshot.quorum:
        ill = f"alarms {', '.join(snapshot.alarms)}" if snapshot.alarms else "no quorum"
        yield f"etcd was saved with {ill}, which etcdRestore `snapshotUrl` does not mend: {_INSTEAD}"
    if look.source is None or destination.revision or record.kind is not BackupKind.QUIESCED:
        yield (
            "etcd's revision has to be raised (the source may have written after the backup), which etcdRestore "
            f"`snapshotUrl` cannot: {_INSTEAD}"
        )
    if not look.outside.signs_urls:
        yield (
            "no user signs snapshot URLs, and a role's would end with its session: deploy the stack with "
            f"SnapshotUrlSigner=ENABLED, or {_INSTEAD}"
        )


def _stages(version: str) -> bool:
    found = re.match(r"(\d+)\.(\d+)\.", version or "")
    return bool(found) and (int(found[1]), int(found[2])) >= STAGES_FROM if found else False
