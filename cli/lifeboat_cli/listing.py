"""List the backups of a hosted cluster, each with what its signature says."""

from __future__ import annotations

from lifeboat import backups
from lifeboat.errors import BackupUnprovenError
from lifeboat.layout import ClusterLayout, hosted_cluster_prefix
from lifeboat.model import HostedClusterRef
from lifeboat.ports import ObjectStore, Signer
from lifeboat_cli.stack import Stack


def print_backups(stack: Stack, hosted: HostedClusterRef) -> int:
    """Print a line per backup, newest first; 1 when there is none."""
    from lifeboat.adapters.aws import KmsSigner  # noqa: PLC0415 - boto3, which `--help` need not pay
    from lifeboat.adapters.s3 import BackupBucket, s3_client  # noqa: PLC0415

    found = lines(BackupBucket(s3_client(), stack.bucket), KmsSigner(stack.client("kms"), stack.signing_key), hosted)
    print("\n".join(found) or f"{hosted} has no backups")
    return 0 if found else 1


def lines(store: ObjectStore, signer: Signer, hosted: HostedClusterRef) -> list[str]:
    """What there is, newest first. A backup without record, or with one that does not verify, is told as such."""
    found = {}
    for infra_id in store.folders(hosted_cluster_prefix(hosted)):
        layout = ClusterLayout(hosted, infra_id)
        for backup_id in store.folders(layout.backups):
            if store.head(layout.backup(backup_id).record) is None:
                found[backup_id] = f"{backup_id}  {infra_id}  never committed"
                continue
            try:
                record, _ = backups.load(store, signer, hosted, backup_id)
                text = f"from {record.source}, revision {record.snapshot.revision}, signed"
            except BackupUnprovenError as error:
                text = f"NOT PROVEN: {error}"
            found[backup_id] = f"{backup_id}  {infra_id}  {text}"
    return [found[backup_id] for backup_id in sorted(found, reverse=True)]
