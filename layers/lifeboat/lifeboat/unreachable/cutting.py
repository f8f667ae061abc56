"""Taking from an unreachable source what it could do harm with: first its hands, then its roads, then its names.

Its Cluster API may live: as soon as the nodes are no longer seen there it would replace their machines. So instances
are protected from termination before anything else, and nothing else is cut unless they are.
"""

from __future__ import annotations

from typing import Any

from lifeboat.errors import FenceUnprovenError
from lifeboat.model import Task
from lifeboat.moved import Move
from lifeboat.ports import ManagementCluster
from lifeboat.traffic import AT_ONCE, Target
from lifeboat.unreachable import cut
from lifeboat.unreachable.looking import refuse_answer
from lifeboat.unreachable.world import Outside

_TOLD = 4


def cut_off(outside: Outside, source: ManagementCluster, task: Task, move: Move) -> dict[str, int]:
    """Write down, then cut; answers how much of each. Again: cuts what is there by then.

    Raises FenceUnprovenError when the source answers, a name is another's, or an instance stays unprotected.
    """
    refuse_answer(source, task.hosted_cluster)
    told = cut.write_down(outside, move, task.operation.id, cut.collect(outside, move))
    _protect(outside, move)
    for each in cut.own_load_balancers(outside, move):
        for group in each.groups:
            outside.load_balancers.set_attributes(group.arn, AT_ONCE)
            outside.load_balancers.deregister(group.arn, group.targets)
    live = outside.endpoint_services.connections(move.state.endpoint_services or ())
    outside.endpoint_services.reject([each for each in live if each.is_open])
    records = cut.own_records(outside, move)
    outside.dns.delete([each for each in records if each.type != "TXT"])
    outside.dns.delete([each for each in records if each.type == "TXT"])  # last: a second run knows its own by it
    return {
        "instances": len(told.instances) - len(told.spot),
        "targets": sum(len(each["targets"]) for each in told.groups.values()),
        "connections": len(told.connections),
        "records": len(told.records),
    }


def put_back(outside: Outside, task: Task, move: Move) -> dict[str, Any]:
    """Give back what `cut_off` took, of that only what is still missing; answers `{wasCut, refused, answered}`.

    `refused`: targets that cannot be registered any more (their instance is gone). `answered`: `[host, port]` that
    answered before the cut and do not yet again. Protection stays: `unprotect` lifts it once the nodes are back.
    """
    told = cut.written(outside, move.layout, task.operation.id)
    if told is None:
        return {"wasCut": False, "refused": [], "waitingFor": []}
    refused: list[Target] = []
    for group, was in told.groups.items():
        outside.load_balancers.set_attributes(group, was["attributes"])
        refused += outside.load_balancers.register(group, told.targets(group))
    still = {
        (each.service_id, each.endpoint_id): each for each in outside.endpoint_services.connections(_services(told))
    }
    ends = [each for each in told.ends() if not still.get((each.service_id, each.endpoint_id), each).is_open]
    outside.endpoint_services.accept(ends)
    records = told.dns_records()
    outside.dns.create([each for each in records if each.type == "TXT"])  # first: ExternalDNS knows its own by it
    outside.dns.create([each for each in records if each.type != "TXT"])
    names = move.state.hostnames
    silent = [f"{host}:{port}" for host, port in told.answered if not outside.doors.answers(host, port, names)]
    return {"wasCut": True, "refused": sorted({each.id for each in refused}), "waitingFor": silent}


def unprotect(outside: Outside, task: Task, move: Move) -> None:
    """Lift the protection of the instances that had none before."""
    told = cut.written(outside, move.layout, task.operation.id)
    if told is None:
        return
    for each, protected in told.instances.items():
        if not protected and each not in told.spot:
            outside.instances.protect(each, on=False)


def _protect(outside: Outside, move: Move) -> None:
    infra_id = move.record.infra_id
    for each, told in outside.instances.protections(infra_id).items():
        if not told.on and not told.spot:
            outside.instances.protect(each, on=True)
    if left := unprotected(outside, infra_id):
        msg = (
            f"{len(left)} instances are not protected from termination ({', '.join(left[:_TOLD])}): the source's "
            "Cluster API could end them. Look what EC2 says of them, then start again"
        )
        raise FenceUnprovenError(msg)


def unprotected(outside: Outside, infra_id: str) -> list[str]:
    """Instances that could be protected and are not."""
    told = outside.instances.protections(infra_id)
    return sorted(each for each, protection in told.items() if not protection.on and not protection.spot)


def _services(told: cut.Cut) -> list[str]:
    return sorted({service for service, *_ in told.connections})
