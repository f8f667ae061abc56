"""What the functions of `backup` do as the first half of a move, over a rehearsed world."""

from __future__ import annotations

from typing import Any

from lifeboat import capturing, exporting, marker, preflight_source, quiescing
from lifeboat.errors import SnapshotFailedError
from lifeboat.etcd import steps
from lifeboat.model import Pace
from lifeboat.plan.world import World


def preflight(world: World) -> dict[str, Any]:
    """Raises PreflightError with all problems of the source."""
    world.data |= {"kind": "quiesced", "firstHalfOfMove": True}
    found = preflight_source.check(
        preflight_source.World(world.source, world.store, world.signer, world.dns, world.instances, world.clock),
        world.task(),
    )
    world.data["approved"] = {"by": "a plan"}  # of an etcd without quorum: people are asked when it is so far
    return found


def mark(world: World) -> None:
    marker.mark(world.source, world.operation.id)


def pause(world: World) -> None:
    quiescing.pause_source(world.source, world.store, world.task(), world.clock)


def stop(world: World, group: str) -> None:
    quiescing.stop_deployments(world.source, world.task(group=group))


def check_stopped(world: World, group: str) -> dict[str, Any]:
    return quiescing.check_stopped(world.source, world.store, world.task(group=group), world.clock)


def start_snapshot(world: World) -> dict[str, Any]:
    return steps.start_snapshot(world.source, world.store, world.task(), Pace())


def export(world: World) -> dict[str, Any]:
    return exporting.export_manifests(world.source, world.store, world.instances, world.task())


def transfer(world: World) -> dict[str, Any]:
    """All looks: the first hands the one part over, the next completes the object."""
    answer = steps.transfer_snapshot(world.source, world.store, world.task())
    while not answer["done"]:
        world.data["transfer"] = answer
        answer = steps.transfer_snapshot(world.source, world.store, world.task())
    return answer


def verify(world: World) -> dict[str, Any]:
    """Raises SnapshotFailedError where the rehearsed snapshot would have to be taken again: it cannot get better."""
    answer = steps.verify_snapshot(world.source, world.store, world.task())
    if answer["again"]:
        msg = f"a snapshot could not be rehearsed: {answer['why']}; make the plan again"
        raise SnapshotFailedError(msg)
    return answer


def discard(world: World) -> None:
    steps.discard_snapshot(world.source, world.store, world.task())


def commit(world: World) -> dict[str, Any]:
    """From here on the data name the backup as a parent does."""
    record = capturing.commit_backup(world.source, world.store, world.signer, world.task(), world.clock)
    world.data["backup"] = {
        "backupId": record["backupId"],
        "infraId": world.data["backup"]["infraId"],
        "recordSha256": record["recordSha256"],
        "etcd": world.data["backup"]["etcd"],
    }
    return record
