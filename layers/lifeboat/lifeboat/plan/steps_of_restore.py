"""What the functions of `restore` do, over a rehearsed world."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from lifeboat import epochs, fence, writers
from lifeboat.moved import open_move
from lifeboat.plan.problems import APPROVE, BLOCKS, NOTE
from lifeboat.plan.world import ACCOUNT, World, ended
from lifeboat.plan.writes import Write
from lifeboat.reconciliation import is_paused, node_pools_of
from lifeboat.resources import HOSTED_CLUSTERS, NODE_POOLS
from lifeboat.restore import dns_controller, etcd_volumes, guarding, hosted_cluster, objects
from lifeboat.restore.destination import create_namespaces as make_namespaces
from lifeboat.restore.loading import SNAPSHOT_URL, Destination, load, open_destination
from lifeboat.restore.order import ALL
from lifeboat.restore.preflight import Look, approvals, notes, problems
from lifeboat.restore.relink import relink
from lifeboat.restore.serving import NODE_POOL_TRUE, wanted

EXECUTION = f"{ACCOUNT}:lifeboat-restore:rehearsed"


def accept(world: World) -> None:
    if "recovers" not in world.data:
        world.lease("taken, renewed by each step")


def release(world: World) -> None:
    """A nested one leaves it to its parent. Its output is what a teardown asks for."""
    if "recovers" not in world.data:
        world.lease("given back")
    given = {"hostedCluster": {"namespace": world.hosted.namespace, "name": world.hosted.name}}
    told = {"infraId": world.data["backup"]["infraId"], "recordSha256": world.data["backup"]["recordSha256"]}
    output = {"destination": world.data["destination"], **told}
    world.executions.ended(ended(EXECUTION, given, output, world.clock))
    world.data["restoreExecution"] = EXECUTION


def load_backup(world: World) -> dict[str, Any]:
    loaded = load(world.store, world.signer, world.task())
    world.data["source"] = loaded["source"]
    return loaded


def check_fence(world: World) -> dict[str, Any]:
    return fence.check(world.store, world.signer, world.source, open_move(world.store, world.signer, world.task()))


def findings(world: World) -> list[tuple[str, str]]:
    """Severity and words of all that the preflight of the destination finds.

    In a rehearsal the snapshot is not there yet: its size is that of the database.
    """
    destination = opened(world)
    snapshot = destination.record.snapshot
    size = max(snapshot.part.size, int(destination.state.etcd.get("dbSize") or 0))
    sized = dataclasses.replace(snapshot, part=dataclasses.replace(snapshot.part, size=size))
    record = dataclasses.replace(destination.record, snapshot=sized)
    look = Look.at(dataclasses.replace(destination, record=record), world.source, world.outside)
    return [
        *((BLOCKS, each) for each in problems(look)),
        *((APPROVE, each) for each in approvals(look)),
        *((NOTE, each) for each in notes(look)),
    ]


def create_namespaces(world: World) -> None:
    make_namespaces(opened(world))


def restore_group(world: World, group: str) -> None:
    objects.restore_group(opened(world), group)


def relink_owners(world: World) -> None:
    destination = opened(world)
    relink(objects.destination_links(destination), ALL, destination.namespace)


def check(world: World) -> None:
    objects.check_owners(opened(world))


def create_volumes(world: World) -> None:
    if world.data.get("etcdRestore") == SNAPSHOT_URL:
        return  # etcd fills its own volume
    etcd_volumes.create(opened(world))


def start_etcd_restore(world: World) -> None:
    if world.data.get("etcdRestore") == SNAPSHOT_URL:
        return  # etcd fills its own volume
    etcd_volumes.start(opened(world), world.store, world.operation.epoch)


def remove_helpers(world: World) -> None:
    if world.data.get("etcdRestore") == SNAPSHOT_URL:
        return  # etcd fills its own volume
    etcd_volumes.remove_helpers(opened(world))


def renew_dns_controller(world: World) -> None:
    if opened(world).state.hostnames:
        dns_controller.delete_pods(world.destination)


def create_hosted_cluster(world: World) -> dict[str, Any]:
    def last_look() -> None:
        task = world.task()
        epochs.seal(world.source, world.hosted, writers.ALL, task.operation.epoch)
        check_fence(world)
        world.lease(f"claimed for {task.destination}")

    return hosted_cluster.create_hosted_cluster(opened(world), world.clock.now(), last_look)


def create_node_pools(world: World) -> None:
    hosted_cluster.create_node_pools(opened(world), world.clock.now())


def check_serving(world: World) -> None:
    """It comes up, NodePool by NodePool.

    An operator before 4.18 leaves Cluster API to us, and an etcd without room is given some.
    """
    destination = opened(world)
    hosted = destination.hosted
    live = destination.live_hosted_cluster()
    comes_true = world.destination.comes_true
    comes_true(HOSTED_CLUSTERS, hosted.namespace, hosted.name, _conditions(wanted(live)) if live else {})
    released: str | None = ""
    while released is not None:
        for pool in node_pools_of(world.destination, hosted):
            looked = ("ValidMachineConfig", *NODE_POOL_TRUE)
            paused = is_paused(pool["spec"].get("pausedUntil"), world.clock.now())
            status = _conditions(looked, ReconciliationActive="False" if paused else "True")
            comes_true(NODE_POOLS, hosted.namespace, pool["metadata"]["name"], status)
        released = guarding.release_next(destination, world.clock.now())
    with world.log.only_if("the operator does not unpause Cluster API, as those before 4.18"):
        guarding.unpause_cluster_api(destination, world.clock.now())
    if destination.record.snapshot.alarms:
        told = "compact, defragment and disarm etcd, which was saved out of space"
        world.log.record(Write(world.destination.name, "exec", "Pod", destination.namespace, "etcd-*", told))


def _conditions(true: Sequence[str], **others: str) -> dict[str, Any]:
    told = {**dict.fromkeys(true, "True"), **others}
    return {"conditions": [{"type": name, "status": status} for name, status in told.items()]}


def give_auto_repair_back(world: World) -> None:
    hosted_cluster.restore_auto_repair(opened(world))


def opened(world: World) -> Destination:
    return open_destination(world.destination, world.store, world.signer, world.task())
