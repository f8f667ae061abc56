"""What moves: the backup that a recovery made, proven, with the state in which its source was."""

from __future__ import annotations

from dataclasses import dataclass

from lifeboat import backups
from lifeboat.backups import BackupRecord
from lifeboat.errors import BackupUnprovenError
from lifeboat.layout import ClusterLayout
from lifeboat.model import Task
from lifeboat.ports import ObjectStore, Signer
from lifeboat.source_state import NAME, SourceState


@dataclass(frozen=True)
class Move:
    """One backup record by its digest, and the source as it was before it was touched."""

    record: BackupRecord
    record_sha256: str
    state: SourceState

    @property
    def layout(self) -> ClusterLayout:
        return ClusterLayout(self.record.hosted_cluster, self.record.infra_id)


def open_move(store: ObjectStore, signer: Signer, task: Task) -> Move:
    """The backup that the machine's data name, by id and digest, and by the record's version where that is told.

    Raises BackupUnprovenError when another record stands in its place.
    """
    told, hosted, backup_id = task.data["backup"], task.hosted_cluster, task.backup_id or ""
    if told.get("recordVersionId") and task.infra_id:
        pinned = str(told["recordVersionId"])
        record, digest = backups.open_version(store, signer, hosted, task.infra_id, backup_id, pinned)
    else:
        record, digest = backups.load(store, signer, hosted, backup_id)
    if digest != told.get("recordSha256"):
        msg = f"the record of backup {record.backup_id} is not the one that this execution rests on: start again"
        raise BackupUnprovenError(msg)
    return Move(record, digest, SourceState.from_json(backups.read_evidence(store, record, NAME)))
