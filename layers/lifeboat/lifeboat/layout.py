"""Every key of the backup bucket. Nothing else joins keys.

    hosted-clusters/<namespace>/<name>/<infraID>/
        backups/<backupId>/etcd/         the snapshot
        backups/<backupId>/manifests/    objects, a multi-document YAML per kind and namespace, fit for `kubectl apply`
        backups/<backupId>/evidence/     what the source was like: replica counts, owners, DNS, instances
        backups/<backupId>/backup.json   the commit record, written last; **without it there is no backup**
        operations/<operationId>/        what an operation adds later, each file signed

Objects are written once (create-if-absent). Parts carry a piece of their digest in their names, so that a task that
runs twice with other content writes a second object, and the record says which one counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from lifeboat.model import HostedClusterRef

_ROOT = "hosted-clusters"
_DIGEST_CHARACTERS = 12


def hosted_cluster_prefix(hosted_cluster: HostedClusterRef) -> str:
    """Prefix of all that is stored of a hosted cluster name, whatever its infraID."""
    return f"{_ROOT}/{hosted_cluster.namespace}/{hosted_cluster.name}/"


@dataclass(frozen=True)
class ClusterLayout:
    """Keys of one hosted cluster (one infraID: a re-created cluster of the same name is another one)."""

    hosted_cluster: HostedClusterRef
    infra_id: str

    @property
    def prefix(self) -> str:
        return f"{hosted_cluster_prefix(self.hosted_cluster)}{self.infra_id}/"

    @property
    def backups(self) -> str:
        return f"{self.prefix}backups/"

    @property
    def operations(self) -> str:
        return f"{self.prefix}operations/"

    def backup(self, backup_id: str) -> BackupLayout:
        return BackupLayout(f"{self.backups}{backup_id}/")

    def operation(self, operation_id: str, name: str) -> str:
        """Key of one file that an operation adds: `plan.json`, `fence.json`, `report.json`."""
        return f"{self.operations}{operation_id}/{name}"


@dataclass(frozen=True)
class BackupLayout:
    """Keys of one backup."""

    prefix: str

    @property
    def record(self) -> str:
        return f"{self.prefix}backup.json"

    def snapshot(self, sha256: str) -> str:
        return f"{self.prefix}etcd/snapshot-{sha256[:_DIGEST_CHARACTERS]}.db"

    def manifests(self, plural: str, namespace: str | None, sha256: str) -> str:
        where = f"{namespace}." if namespace else ""
        return f"{self.prefix}manifests/{where}{plural}.{sha256[:_DIGEST_CHARACTERS]}.yaml"

    def evidence(self, name: str) -> str:
        """Key of evidence that is written once, before the source is touched."""
        return f"{self.prefix}evidence/{name}"

    def evidence_of(self, name: str, sha256: str) -> str:
        """Key of evidence that a repeated task may write with other content, e.g. `ownership.json`."""
        stem, _, suffix = name.rpartition(".")
        return f"{self.prefix}evidence/{stem}.{sha256[:_DIGEST_CHARACTERS]}.{suffix}"
