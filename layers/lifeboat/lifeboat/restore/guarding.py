"""What is not left to the destination's operator while the hosted cluster comes up there.

A destination that makes other bootstrap data of the same NodePool than the source did (another release of the operator,
for instance) takes every node for outdated and replaces it. HyperShift tells `UpdatingVersion` and `UpdatingConfig` of
a paused NodePool as well, before it acts; `UpdatingPlatformMachineTemplate` only once it acts. So NodePools are created
paused ("held"), and released one by one: each when it says that it would not update, the next when the one before it
has been reconciled and still does not. And an operator before 4.18 knows nothing of a paused Cluster: it would stay
paused for ever, with no machine looked after.
"""

from __future__ import annotations

import datetime
from typing import Any

from lifeboat.edits import annotation, edit
from lifeboat.errors import RestoreFailedError
from lifeboat.model import Manifest
from lifeboat.reconciliation import PAUSED, is_paused, node_pools_of
from lifeboat.resources import CLUSTERS, MACHINE_DEPLOYMENTS, MACHINE_SETS, NODE_POOLS, Resource
from lifeboat.restore.loading import Destination
from lifeboat.restore.objects import PAUSED as PAUSED_BY_ANNOTATION
from lifeboat.restore.objects import check_owners
from lifeboat.restore.order import CLUSTER_API
from lifeboat.restore.serving import HELD, conditions, is_held, rests_by_owner, updates

PATIENCE = 15
"""Looks of CheckServing (a minute) in which an operator from 4.18 on has unpaused the Cluster itself."""


def hold_updates(destination: Destination) -> None:
    """Pause every NodePool that replaces its nodes. Raises RestoreFailedError naming them, after all are paused.

    What bears its name in Cluster API is paused as well, and first: the operator does that only when it next looks.
    One that its owner had paused before an update of it was done stays as it was: it waits for its owner.
    """
    found = []
    for pool in node_pools_of(destination.cluster, destination.hosted):
        name = str(pool["metadata"]["name"])
        if (told := updates(pool)) and not rests_by_owner(pool, destination.state.node_pools):
            for resource in (MACHINE_DEPLOYMENTS, MACHINE_SETS):
                edit(destination.cluster, resource, destination.namespace, name, _with_pause)
            edit(destination.cluster, NODE_POOLS, destination.hosted.namespace, name, _pause_if_updating)
            found.append(f"{name} ({', '.join(told)})")
    if found:
        msg = (
            f"{destination.cluster.name} would replace the nodes of NodePool {'; '.join(found)}: paused. Look what "
            "differs from the source (release of the operator, config, pull secret) or let the nodes be replaced; "
            f"then take spec.pausedUntil and the annotation {HELD} off"
        )
        raise RestoreFailedError(msg)


def release_next(destination: Destination, now: datetime.datetime) -> str | None:
    """Release the next held NodePool, if it would not update and the ones before it have settled; returns its name.

    Never two at once: what an operator makes of one NodePool it makes of the others, too.
    """
    live = (
        each
        for each in node_pools_of(destination.cluster, destination.hosted)
        if not rests_by_owner(each, destination.state.node_pools)  # what it tells of updates waits for its owner
    )
    pools = sorted(live, key=lambda each: str(each["metadata"]["name"]))
    held = [each for each in pools if is_held(each)]
    if not held or any(updates(each) for each in pools):
        return None
    at_work = [each for each in pools if not is_paused(each["spec"].get("pausedUntil"), now)]
    if not all(_has_looked(each, active="True") for each in at_work) or not _has_looked(held[0], active="False"):
        return None
    name = str(held[0]["metadata"]["name"])
    before = destination.state.node_pools.get(name, {}).get("pausedUntil")

    def release(live: Manifest) -> dict[str, Any] | None:
        if not is_held(live) or updates(live):
            return None
        return {"metadata": {"annotations": {HELD: None}}, "spec": {"pausedUntil": before}}

    edit(destination.cluster, NODE_POOLS, destination.hosted.namespace, name, release)
    return name


def _has_looked(pool: Manifest, *, active: str) -> bool:
    """Whether the operator has looked at this NodePool as it is now: its pause is taken note of, its config valid.

    HyperShift sets ReconciliationActive after what it says of updates.
    """
    told = conditions(pool)
    generation = pool["metadata"].get("generation", 0)
    reconciles, valid = told.get("ReconciliationActive", {}), told.get("ValidMachineConfig", {})
    return (
        reconciles.get("status") == active
        and reconciles.get("observedGeneration", generation) >= generation
        and valid.get("status") == "True"
    )


def unpause_cluster_api(destination: Destination, now: datetime.datetime) -> bool:
    """Unpause the Cluster, and what bears the name of an unpaused NodePool; whether it was paused.

    Only once the HostedCluster is there unpaused with all its NodePools, and only while every Machine has its owner
    and its instance: unpaused with less, Cluster API would make new instances. Raises RestoreFailedError otherwise.
    """
    cluster, hosted = destination.cluster, destination.live_hosted_cluster()
    live = cluster.get(CLUSTERS, destination.namespace, destination.record.infra_id)
    pools = {each["metadata"]["name"]: each for each in node_pools_of(cluster, destination.hosted)}
    if live is None or not live["spec"].get("paused") or destination.state.cluster_paused:
        return False
    if hosted is None or is_paused(hosted["spec"].get("pausedUntil"), now) or not pools.keys() >= _known(destination):
        return False
    check_owners(destination, CLUSTER_API)
    for name, pool in pools.items():
        if not is_paused(pool["spec"].get("pausedUntil"), now):
            for resource in (MACHINE_DEPLOYMENTS, MACHINE_SETS):
                _without_pause(destination, resource, name)
    edit(cluster, CLUSTERS, destination.namespace, destination.record.infra_id, _unpause)
    return True


def _known(destination: Destination) -> set[str]:
    return set(destination.state.node_pools)


def _pause_if_updating(pool: Manifest) -> dict[str, Any] | None:
    if not updates(pool) or pool["spec"].get("pausedUntil") == PAUSED:
        return None
    return {"spec": {"pausedUntil": PAUSED}}


def _without_pause(destination: Destination, resource: Resource, name: str) -> None:
    def change(live: Manifest) -> dict[str, Any] | None:
        if annotation(live, PAUSED_BY_ANNOTATION) is None:
            return None
        return {"metadata": {"annotations": {PAUSED_BY_ANNOTATION: None}}}

    edit(destination.cluster, resource, destination.namespace, name, change)


def _with_pause(live: Manifest) -> dict[str, Any] | None:
    if annotation(live, PAUSED_BY_ANNOTATION) is not None:
        return None
    return {"metadata": {"annotations": {PAUSED_BY_ANNOTATION: "true"}}}


def _unpause(live: Manifest) -> dict[str, Any] | None:
    return {"spec": {"paused": False}} if live["spec"].get("paused") else None
