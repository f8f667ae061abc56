"""Every key of the backup bucket. Nothing else joins keys.

    hosted-clusters/<namespace>/<name>/<infraID>/
        backups/<backupId>/etcd/         the snapshot
        backups/<backupId>/manifests/    objects, a multi-document YAML per kind and namespace, fit for `kubectl apply`
        backups/<backupId>/evidence/     what the source was like: replica counts, owners, DNS, instances
        backups/<backupId>/backup.json   the commit record, written last; **without it there is no backup**
        operations/<operationId>/        what an operation adds later, each file signed
    catalog/<namespace>/<name>/<infraID>/<backupId>/<word>
                                         empty objects whose names tell a fleet's backups by LISTs alone: see `catalog`

Objects are written once (create-if-absent). Parts carry a piece of their digest in their names, so that a task that
runs twice with other content writes a second object, and the record says which one counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from lifeboat.model import HostedClusterRef

_ROOT = "hosted-clusters"
_CATALOG = "catalog"
ROOT = f"{_ROOT}/"
"""Prefix of all hosted clusters."""
_DIGEST_CHARACTERS = 12


def hosted_cluster_prefix(hosted_cluster: HostedClusterRef) -> str:
    """Prefix of all that is stored of a hosted cluster name, whatever its infraID."""
    return f"{_ROOT}/{hosted_cluster.namespace}/{hosted_cluster.name}/"


def catalog_prefix(hosted_cluster: HostedClusterRef | None = None) -> str:
    """Prefix of the catalog, of all hosted clusters or of one name."""
    return f"{_CATALOG}/{hosted_cluster}/" if hosted_cluster else f"{_CATALOG}/"


def read_catalog_key(key: str) -> tuple[ClusterLayout, str, str] | None:
    """Hosted cluster, backup id and word of a catalog's key; None when it is none."""
    parts = key.split("/")
    if len(parts) != 6 or parts[0] != _CATALOG or not all(parts):  # noqa: PLR2004 - as the module's head shows
        return None
    _, namespace, name, infra_id, backup_id, word = parts
    return ClusterLayout(HostedClusterRef(namespace, name), infra_id), backup_id, word


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

    def catalog(self, backup_id: str, word: str = "") -> str:
        """Key of one word of the catalog about a backup; without a word the prefix of all of them."""
        return f"{catalog_prefix(self.hosted_cluster)}{self.infra_id}/{backup_id}/{word}"

    def backup_of(self, key: str) -> str | None:
        """Id of the backup that a key belongs to; None when it lies outside of all backups here."""
        if not key.startswith(self.backups):
            return None
        backup_id, slash, rest = key[len(self.backups) :].partition("/")
        return backup_id if slash and rest else None

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

    @property
    def manifests_prefix(self) -> str:
        """Prefix of all manifests: what an operator may hand to `kubectl apply -f` as a folder."""
        return f"{self.prefix}manifests/"

    def snapshot(self, name: str) -> str:
        """Key of one attempt, by epoch and round: its digest is not known when its upload begins."""
        return f"{self.prefix}etcd/snapshot-{name}.db"

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
