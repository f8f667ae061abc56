"""A plan: the rehearsal of one operation from its first step to its last, with all that stands against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lifeboat.errors import LifeboatError, TransientError
from lifeboat.model import HostedClusterRef, Operation
from lifeboat.plan import draft, facts
from lifeboat.plan import steps_of_restore as restoring
from lifeboat.plan.plans import Plan
from lifeboat.plan.problems import APPROVE, BLOCKS, NOTE, Problem
from lifeboat.plan.steps import OF, Step
from lifeboat.plan.world import Live, World
from lifeboat.restore.loading import VOLUMES

RECOVER, RESTORE, TEARDOWN = "recover", "restore", "teardown"
EPOCH = 10**12
"""Of a rehearsal: the same before the lease is taken and behind it, and above all that real ones leave on objects."""


def make(live: Live, kind: str, data: Mapping[str, Any]) -> Plan:
    """Rehearse an operation of this `kind` for a machine's accepted `data`; nothing is changed anywhere.

    All problems of all preflights are told; behind one that leaves nothing to go on with, the writes end. Raises only
    what is worth trying again (TransientError).
    """
    given = data["operation"]
    operation = Operation(given["id"], EPOCH, given["execution"])
    hosted = HostedClusterRef(**data["hostedCluster"])
    more = {"operation": operation.to_event(), **({"recovers": True} if kind == RECOVER else {})}
    world = World(live, hosted, operation, {**data, **more})
    problems: list[Problem] = []
    for step in OF[kind]:
        if step.only not in {None, world.data.get("etcdRestore", VOLUMES)}:
            continue
        with world.log.step(step.name):
            found, goes_on = _run(step, world)
        problems += found
        if not goes_on:
            break
    lines = tuple(facts.of(world, kind))
    infra_id = (world.data.get("backup") or {}).get("infraId") or (world.data.get("preflight") or {}).get("infraId")
    return Plan(kind, hosted, infra_id, lines, tuple(world.log.writes), tuple(problems))


def _run(step: Step, world: World) -> tuple[list[Problem], bool]:
    """What a step found, and whether the next one can follow."""
    try:
        step.run(world)
    except TransientError:
        raise
    except LifeboatError as error:
        found = [Problem(BLOCKS, step.name, told) for told in error.problems or (str(error),)]
        if step.state == "PreflightSource":  # there will be no backup: the destination is looked at for a draft of one
            found += [
                Problem(severity, "restore: PreflightDestination", told) for severity, told in draft.findings(world)
            ]
        # Without a fence nothing is restored; what else stands against it is told all the same.
        return found, step.state == "CheckFence"
    if step.state == "PreflightSource":
        etcd = world.data["backup"]["etcd"]
        said = [(APPROVE, etcd["approvalNeeded"]), (NOTE, etcd["note"] if not etcd["approvalNeeded"] else None)]
        return [Problem(severity, step.name, told) for severity, told in said if told], True
    if step.state == "PreflightDestination":
        return [Problem(severity, step.name, told) for severity, told in restoring.findings(world)], True
    return [], True
