"""What an operation has decided for an unreachable source, once it was approved: `unreachable.json`, signed, for good.

A second start goes on with the same backup; it proves that the operation has begun.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from lifeboat import signed
from lifeboat.layout import ClusterLayout, hosted_cluster_prefix
from lifeboat.model import HostedClusterRef
from lifeboat.ports import ObjectStore, Signer

NAME = "unreachable.json"
SCHEMA = 1


def find(store: ObjectStore, signer: Signer, hosted: HostedClusterRef, operation_id: str) -> dict[str, Any] | None:
    """The choice of an operation, None when it has made none.

    Raises BackupUnprovenError when the one that is there was changed or is another operation's.
    """
    for infra_id in store.folders(hosted_cluster_prefix(hosted)):
        key = ClusterLayout(hosted, infra_id).operation(operation_id, NAME)
        document = store.get(key)
        if document is None:
            continue
        payload = signed.unseal(document, signer, key)
        wanted = (SCHEMA, operation_id, infra_id, dataclasses.asdict(hosted))
        if tuple(payload.get(each) for each in ("schema", "operationId", "infraId", "hostedCluster")) == wanted:
            return payload
    return None


def revision(chosen: Mapping[str, Any]) -> str:
    """What the restore does about the revision: `bump`, but for an approval to do without; then it is told (`tell`)."""
    return "tell" if chosen.get("revisionBump") == "waived" else "bump"
