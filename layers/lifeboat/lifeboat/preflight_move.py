"""Is the source fit to be left? What only the first half of a move asks of it, beside what every backup does."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from lifeboat import permissions, polling, versions
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.reconciliation import is_paused, node_pools_of
from lifeboat.restore.preflight import names, ownership
from lifeboat.restore.serving import updates


def problems(
    cluster: ManagementCluster,
    hosted: HostedClusterRef,
    hosted_cluster: Manifest,
    now: datetime.datetime,
    *,
    named: bool,
) -> Iterator[str]:
    """What stands against a move away from there, each with its remedy.

    An update of nodes would go on at the destination, where it cannot be told from one that the move caused; an object
    of a fleet manager would make the hosted cluster anew at the source, or delete its instances with it. `named`:
    whether its public names stand in Route53 now.
    """
    for pool in node_pools_of(cluster, hosted):
        if (told := updates(pool)) and not is_paused(pool["spec"].get("pausedUntil"), now):
            yield (
                f"NodePool {pool['metadata']['name']} replaces its nodes ({', '.join(told)}): wait until it is done, "
                "or pause it (spec.pausedUntil)"
            )
    if named:
        yield from names.at_source(cluster)
    yield from ownership.managers(cluster, hosted_cluster)
    yield from ownership.owners(cluster, hosted_cluster)
    yield from versions.needing_the_operator(cluster)  # a move ends with a teardown
    if lacking := list(permissions.missing(cluster, hosted, permissions.SOURCE)):
        told_all = polling.one_line(lacking)
        yield f"the credentials registered for {cluster.name} may not {told_all}: bind them a role that allows it"
