"""A restore by URL that failed behind the point of no return: nothing may act on a hosted cluster without its data.

The HostedCluster cannot be deleted (its finalizers would end the instances) and the URL cannot be changed. So it is
paused, which makes the operator pause Cluster API for as long as it lasts, and Cluster API's own Cluster with it, in
that order: an operator that still sees it unpaused would lift the second again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lifeboat.edits import edit
from lifeboat.errors import RestoreFailedError
from lifeboat.model import Manifest
from lifeboat.reconciliation import PAUSED
from lifeboat.resources import CLUSTERS, HOSTED_CLUSTERS
from lifeboat.restore.loading import Destination

WAY_OUT = (
    "HostedCluster and Cluster API there are paused and no NodePool was made: delete neither, that would end the "
    "instances. Fill etcd's volume by hand (docs/decisions/0005, `When the URL fails`) and take spec.pausedUntil off "
    "the HostedCluster"
)


@contextmanager
def stopping(destination: Destination) -> Iterator[None]:
    """Around a look: one that fails for good stops the hosted cluster first, then tells how to go on."""
    try:
        yield
    except RestoreFailedError as error:
        stop(destination)
        msg = f"{error}. {WAY_OUT}"
        raise RestoreFailedError(msg) from None


def stop(destination: Destination) -> None:
    """Pause HostedCluster and Cluster. Repeating it changes nothing."""
    hosted = destination.hosted
    edit(destination.cluster, HOSTED_CLUSTERS, hosted.namespace, hosted.name, _pause_hosted_cluster)
    edit(destination.cluster, CLUSTERS, destination.namespace, destination.record.infra_id, _pause_cluster)


def _pause_hosted_cluster(live: Manifest) -> Mapping[str, Any] | None:
    return None if live["spec"].get("pausedUntil") == PAUSED else {"spec": {"pausedUntil": PAUSED}}


def _pause_cluster(live: Manifest) -> Mapping[str, Any] | None:
    return None if live["spec"].get("paused") else {"spec": {"paused": True}}
