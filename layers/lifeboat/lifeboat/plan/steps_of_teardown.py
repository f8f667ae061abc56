"""What the functions of `teardown` do, over a rehearsed world."""

from __future__ import annotations

from typing import Any

from lifeboat.plan.world import World
from lifeboat.teardown import control_plane, deletion, operator
from lifeboat.teardown.plan import Plan, read_or_refuse
from lifeboat.teardown.preflight import preflight


def accept(world: World) -> None:
    if "recovers" not in world.data:
        world.lease("taken, renewed by each step")


def release(world: World) -> None:
    if "recovers" not in world.data:
        world.lease("given back")


def check(world: World) -> dict[str, Any]:
    return preflight(
        world.task(),
        world.source,
        world.cluster,
        world.executions,
        world.store,
        world.signer,
        world.clock.now(),
    )


def hold(world: World) -> None:
    operator.hold(world.source, world.operation.id)


def stop(world: World) -> None:
    control_plane.stop(world.source, world.hosted)


def remove_finalizers(world: World) -> None:
    deletion.remove_finalizers(world.source, _plan(world))


def delete(world: World) -> None:
    deletion.delete_objects(world.source, _plan(world))


def release_operator(world: World) -> None:
    deletion.assert_nothing_terminating(world.source, world.hosted)
    operator.release(world.source, world.operation.id)


def _plan(world: World) -> Plan:
    return read_or_refuse(world.store, world.signer, world.hosted, world.operation.id)
