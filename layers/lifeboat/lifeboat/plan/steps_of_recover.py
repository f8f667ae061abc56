"""What the functions of `recover` itself do, over a rehearsed world."""

from __future__ import annotations

from typing import Any

from lifeboat import dns, fence, guest, report
from lifeboat.guest import NETWORK_NAMESPACE
from lifeboat.moved import Move, open_move
from lifeboat.plan.world import World
from lifeboat.plan.writes import Write
from lifeboat.verification import guest as hosted_api


def take_lease(world: World) -> None:
    world.lease("taken, renewed by each step")


def release_lease(world: World) -> None:
    world.lease("given back")


def clean_up_dns(world: World) -> None:
    dns.withdraw(world.source, world.store, world.signer, _move(world), world.operation.id)


def names_go(world: World) -> None:
    """They are withdrawn by the source's ExternalDNS; where it does not, by force.

    Raises FenceUnprovenError where they are not this ExternalDNS's: then nobody would withdraw them.
    """
    move = _move(world)
    with world.log.only_if("the source's ExternalDNS does not withdraw the names in time"):
        dns.force(world.source, world.dns, world.store, world.signer, move, world.operation.id)
    world.dns.withdrawn([name for each in move.state.hostnames for name in dns.with_ownership(each)])


def make_fence(world: World) -> dict[str, Any]:
    return fence.make(world.source, world.dns, world.store, world.signer, world.clock, world.task(), _move(world))


def probe(world: World) -> None:
    """The write by which the hosted API is tried under its public name."""
    hosted_api.verify(world.guest, world.destination, world.hosted, world.operation.id)


def renew_network(world: World) -> None:
    if guest.needs_new_network(world.destination, world.hosted):
        told = "each node's pods that are older than the fence, one node after the other"
        world.log.record(Write(f"hosted cluster {world.hosted}", "delete", "Pod", NETWORK_NAMESPACE, "*", told))


def write_report(world: World) -> None:
    move = _move(world)
    composed = report.compose(world.data, move, world.dns, world.instances, world.clock)
    report.write(composed, move, world.store, world.signer)


def _move(world: World) -> Move:
    return open_move(world.store, world.signer, world.task())
