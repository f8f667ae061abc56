"""What still leads to the source. Nothing of it is taken from what was done: all is looked at anew."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lifeboat import dns as names
from lifeboat import polling
from lifeboat.errors import FenceUnprovenError
from lifeboat.model import Task
from lifeboat.moved import Move
from lifeboat.unreachable.cut import own_load_balancers, ways
from lifeboat.unreachable.cutting import unprotected
from lifeboat.unreachable.world import Outside

_AT_ONCE = 8


def check(outside: Outside, task: Task, move: Move) -> dict[str, Any]:
    """One look of the loop behind the cut; the previous answer stands at `$.cutOff`.

    Parameters: `steadyLooks`, so many in a row must find nothing (an address that fails once proves nothing), and
    `atMost`. Raises FenceUnprovenError after the last look, with what is still open.
    """
    previous = task.data.get("cutOff") or {}
    waiting = open_ways(outside, move)
    steady = 0 if waiting else int(previous.get("steady", 0)) + 1
    if not waiting and steady < int(task.parameters["steadyLooks"]):
        waiting = [f"silence to last ({steady} of {task.parameters['steadyLooks']} looks)"]
    answer = polling.look(
        previous,
        waiting,
        topic=f"{move.record.source} cut off",
        at_most=int(task.parameters["atMost"]),
        error=FenceUnprovenError,
    )
    return {**answer, "steady": steady}


def open_ways(outside: Outside, move: Move) -> list[str]:
    """Everything by which the source could still serve nodes or people, or end an instance, in words; [] is the proof.

    An address is silent when nobody finishes a handshake there: one that only refuses a certificate would still write.
    """
    state, infra_id = move.state, move.record.infra_id
    found = [f"instance {each} is not protected" for each in unprotected(outside, infra_id)]
    balancers = own_load_balancers(outside, move)
    found += [
        f"{each.host_name} has {len(group.targets)} targets"
        for each in balancers
        for group in each.groups
        if group.targets
    ]
    found += [
        f"{each.endpoint_id} is connected to {each.service_id}"
        for each in outside.endpoint_services.connections(state.endpoint_services or ())
        if each.is_open
    ]
    found += sorted({f"{each.name} is in Route53" for each in names.records_of(outside.dns, state.hostnames)})
    doors = ways(move, balancers)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        heard = [*pool.map(lambda way: outside.doors.answers(way[0], way[1], state.hostnames), doors)]
    found += [f"{host}:{port} answers" for (host, port), answered in zip(doors, heard, strict=True) if answered]
    return found
