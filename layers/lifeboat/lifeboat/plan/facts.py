"""What a plan rests on besides its writes, a line each: with another value it is another plan."""

from __future__ import annotations

from typing import Any

from lifeboat.errors import LifeboatError
from lifeboat.model import Manifest
from lifeboat.moved import open_move
from lifeboat.plan.cluster import RehearsedCluster
from lifeboat.plan.world import World
from lifeboat.reconciliation import node_pools_of
from lifeboat.resources import DEPLOYMENTS, HOSTED_CLUSTERS
from lifeboat.source_state import SourceState

_OPERATOR = ("hypershift", "operator")


def of(world: World, kind: str) -> list[str]:
    """`name: value` lines, always in the same order; what could not be found out is left out."""
    told: dict[str, Any] = {
        "operation": kind,
        "hosted cluster": str(world.hosted),
        "source": world.data.get("source"),
        "destination": world.data.get("destination"),
        "etcd is restored by": world.data.get("etcdRestore"),
    }
    for side in ("source", "destination"):
        if name := world.data.get(side):
            told[f"operator at {side}"] = _image(world.cluster(name))
    state = _state(world)
    if state is not None:
        told |= _of_state(state)
    elif world.data.get("source"):
        told |= _of_source(world)
    if kind == "restore" and (backup := world.data.get("backup")):
        told |= {"backup": backup.get("backupId"), "record": backup.get("recordSha256")}
    return [f"{name}: {value}" for name, value in told.items() if value not in (None, "", [])]


def _of_state(state: SourceState) -> dict[str, Any]:
    return {
        "infraID": state.infra_id,
        "release": state.release_image,
        "release version": state.release_version,
        "availability": state.availability,
        "etcd": f"{state.etcd.get('members')} members, {state.etcd.get('image')}",
        "host names": ", ".join(state.hostnames),
        **{f"{name} is stored as": version for name, version in sorted(state.crd_storage_versions.items())},
        **{
            f"NodePool {name}": f"pausedUntil {pool.get('pausedUntil')}, autoRepair {bool(pool.get('autoRepair'))}"
            for name, pool in sorted(state.node_pools.items())
        },
    }


def _of_source(world: World) -> dict[str, Any]:
    """A teardown alone has no backup that would tell."""
    live = world.source.live.get(HOSTED_CLUSTERS, world.hosted.namespace, world.hosted.name)
    pools = [each["metadata"]["name"] for each in node_pools_of(world.source, world.hosted)]
    spec: dict[str, Any] = live["spec"] if live else {}
    return {
        "infraID": spec.get("infraID"),
        "release": (spec.get("release") or {}).get("image"),
        "NodePools": ", ".join(sorted(pools)),
    }


def _state(world: World) -> SourceState | None:
    if not (world.data.get("backup") or {}).get("recordSha256"):
        return None
    try:
        return open_move(world.store, world.signer, world.task()).state
    except LifeboatError:
        return None


def _image(cluster: RehearsedCluster) -> str | None:
    deployment: Manifest | None = cluster.get(DEPLOYMENTS, *_OPERATOR)
    containers = deployment["spec"]["template"]["spec"]["containers"] if deployment else []
    return next((str(each.get("image")) for each in containers), None)
