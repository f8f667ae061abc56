"""Which backup is restored: proven once when it is chosen, pinned by its digest in every later task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lifeboat import backups
from lifeboat.backups import BackupRecord
from lifeboat.edits import annotation
from lifeboat.errors import BackupUnprovenError
from lifeboat.model import HostedClusterRef, Manifest, Task
from lifeboat.moved import open_move
from lifeboat.ports import ManagementCluster, ObjectStore, Signer
from lifeboat.reconciliation import OPERATION
from lifeboat.resources import HOSTED_CLUSTERS, Resource
from lifeboat.source_state import SourceState

VOLUMES, SNAPSHOT_URL = "volumes", "snapshotUrl"
"""How etcd gets its data: the values of `etcdRestore`."""

_TOLD = 20
"""Backups passed over that a machine's data name."""


@dataclass(frozen=True)
class Destination:
    """A management cluster, what is to be restored there, and by which operation."""

    cluster: ManagementCluster
    store: ObjectStore
    record: BackupRecord
    state: SourceState
    operation_id: str
    etcd_restore: str = VOLUMES
    revision: str = ""
    """What the fence asks of etcd's revision: `bump`, `tell`, or nothing."""
    snapshot_url: str | None = field(default=None, repr=False)
    """Of `etcd_restore` `snapshotUrl`, once it is known: whoever has it can read the snapshot."""

    @property
    def hosted(self) -> HostedClusterRef:
        return self.record.hosted_cluster

    @property
    def namespace(self) -> str:
        """The control-plane namespace."""
        return self.hosted.control_plane_namespace

    def manifests(self, resource: Resource) -> list[Manifest]:
        return backups.read_manifests(self.store, self.record, resource.plural)

    def exported_hosted_cluster(self) -> Manifest:
        found = [each for each in self.manifests(HOSTED_CLUSTERS) if each["metadata"]["name"] == self.hosted.name]
        if len(found) != 1:
            msg = f"backup {self.record.backup_id} holds {len(found)} HostedClusters {self.hosted}: choose another"
            raise BackupUnprovenError(msg)
        return found[0]

    def is_ours(self, live: Manifest | None) -> bool:
        """Whether an object there was made by this operation."""
        return live is not None and annotation(live, OPERATION) == self.operation_id

    def live_hosted_cluster(self) -> Manifest | None:
        return self.cluster.get(HOSTED_CLUSTERS, self.hosted.namespace, self.hosted.name)


def load(store: ObjectStore, signer: Signer, task: Task) -> dict[str, Any]:
    """Find the backup, verify its signature and every part; returns its references and figures.

    Version ids and S3's checksums of all parts are compared before the destination is touched; one that is named by its
    id may have parts that were overwritten since, because only the recorded versions are read. `recordVersionId` pins
    the record: a backup that is deleted from here on can still be restored, as every part is read by its version.
    `skipped` tells of each newer backup that `latest` passed over, and why. Raises BackupUnprovenError when there is
    none, or it is not whole.
    """
    skipped: tuple[str, ...] = ()
    if task.backup_id in {None, "", backups.LATEST}:
        record, digest, skipped = backups.latest(store, signer, task.hosted_cluster)
    else:
        record, digest = backups.load(store, signer, task.hosted_cluster, str(task.backup_id))
        backups.verify_parts(store, record, current=False)
    stored = store.head(record.layout.record)
    return {
        "backupId": record.backup_id,
        "kind": record.kind.value,
        "infraId": record.infra_id,
        "recordSha256": digest,
        "recordVersionId": stored.version_id if stored else None,
        "source": record.source,
        "revision": record.snapshot.revision,
        "totalKeys": record.snapshot.total_keys,
        "members": record.snapshot.members,
        "etcd": {
            "quorum": record.snapshot.quorum,
            "alarms": list(record.snapshot.alarms),
            "note": record.snapshot.note,
        },
        "skipped": list(skipped[:_TOLD]),
    }


def open_destination(cluster: ManagementCluster, store: ObjectStore, signer: Signer, task: Task) -> Destination:
    """The destination of a task, with the very record that LoadBackup proved.

    Raises BackupUnprovenError when another record stands in its place now.
    """
    move = open_move(store, signer, task)
    return Destination(
        cluster,
        store,
        move.record,
        move.state,
        task.operation.id,
        str(task.data.get("etcdRestore") or VOLUMES),
        str((task.data.get("fence") or {}).get("revision") or ""),
    )
