"""What is cut, as it was before: `cut-01.json` of the operation, signed, written before anything of it is touched.

A start that finds more than an earlier one wrote down adds `cut-02.json`, and so on; what was first seen of a thing
counts, because a later look may meet what the cut has left.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lifeboat import dns as names
from lifeboat import signed
from lifeboat.errors import BackupUnprovenError, FenceUnprovenError
from lifeboat.layout import ClusterLayout
from lifeboat.moved import Move
from lifeboat.ports import DnsRecord
from lifeboat.traffic import Connection, LoadBalancer, Target
from lifeboat.unreachable.world import Outside
from lifeboat.verification.instances import DEAD

ADDRESSES = ("A", "AAAA", "CNAME")
SCHEMA = 1
_ROUNDS = 5


@dataclass(frozen=True)
class Cut:
    """What leads to a source, as it was. Field names are those of the stored document."""

    instances: dict[str, bool]
    """Whether each instance was protected from termination."""
    spot: list[str]
    """Instances that cannot be."""
    groups: dict[str, dict[str, Any]]
    """By ARN of target group: `host`, `service`, `targets` (`[id, port, zone]`), `attributes`."""
    connections: list[list[str]]
    """`[service id, endpoint id, state]` of the open ones."""
    records: list[dict[str, Any]]
    """`zone` and `raw` of each record set, as Route53 gave it."""
    answered: list[list[Any]] = field(default_factory=list)
    """`[host, port]` that answered."""

    def targets(self, group: str) -> list[Target]:
        return [Target(*each) for each in self.groups[group]["targets"]]

    def dns_records(self) -> list[DnsRecord]:
        return [_record(each) for each in self.records]

    def ends(self) -> list[Connection]:
        return [Connection(*each) for each in self.connections]

    def with_more(self, later: Cut) -> Cut:
        """Both; of what both have, this one's word."""
        groups = {**later.groups, **self.groups}
        for arn in self.groups.keys() & later.groups.keys():
            targets = _union(self.groups[arn]["targets"], later.groups[arn]["targets"])
            groups[arn] = {**self.groups[arn], "targets": targets}
        here = {(each["zone"], each["raw"]["Name"], each["raw"]["Type"]) for each in self.records}
        return Cut(
            instances={**later.instances, **self.instances},
            spot=sorted({*self.spot, *later.spot}),
            groups=groups,
            connections=_union(self.connections, later.connections),
            records=[
                *self.records,
                *(e for e in later.records if (e["zone"], e["raw"]["Name"], e["raw"]["Type"]) not in here),
            ],
            answered=_union(self.answered, later.answered),
        )


def plain(address: str) -> str:
    """A load balancer's name as it can be compared: an alias may stand with `dualstack.`, in any case."""
    return address.lower().rstrip(".").removeprefix("dualstack.")


def collect(outside: Outside, move: Move) -> Cut:
    """All that leads to the source of this backup now.

    Raises FenceUnprovenError when a name of it is another's or leads elsewhere by now: then it is not the source that
    would be cut.
    """
    state, hosted = move.state, move.record.hosted_cluster
    records = own_records(outside, move)
    balancers = own_load_balancers(outside, move)
    protections = outside.instances.protections(move.record.infra_id)
    open_ends = outside.endpoint_services.connections(state.endpoint_services or ())
    strangers = [each.host_name for each in balancers if not _is_of(each, hosted.control_plane_namespace)]
    if strangers:
        msg = (
            f"{', '.join(strangers)} is not tagged as made for a Service of {hosted.control_plane_namespace}: look who "
            "uses it, take its targets away by hand, then start again"
        )
        raise FenceUnprovenError(msg)
    return Cut(
        instances={each: told.on for each, told in protections.items()},
        spot=sorted(each for each, told in protections.items() if told.spot),
        groups={
            group.arn: {
                "host": each.host_name,
                "service": each.service,
                "targets": [[one.id, one.port, one.zone] for one in group.targets],
                "attributes": dict(group.attributes),
            }
            for each in balancers
            for group in each.groups
        },
        connections=[[e.service_id, e.endpoint_id, e.state] for e in open_ends if e.is_open],
        records=[{"zone": each.zone_id, "raw": dict(each.raw), "values": list(each.values)} for each in records],
        answered=[
            [host, port] for host, port in ways(move, balancers) if outside.doors.answers(host, port, state.hostnames)
        ],
    )


def own_load_balancers(outside: Outside, move: Move) -> list[LoadBalancer]:
    """Those of the source's control plane: by the recorded addresses, and what was made beside them since."""
    recorded = sorted({plain(each["address"]) for each in move.state.load_balancers or ()})
    return outside.load_balancers.of_namespace(move.record.hosted_cluster.control_plane_namespace, recorded)


def ways(move: Move, balancers: Sequence[LoadBalancer]) -> list[tuple[str, int]]:
    """Every address and port at which the source's control plane may answer."""
    recorded = {(each["address"], port) for each in move.state.load_balancers or () for port in each["ports"]}
    return sorted(recorded | {(each.host_name, port) for each in balancers for port in each.ports})


def own_records(outside: Outside, move: Move) -> list[DnsRecord]:
    """The names of this cluster and their ownership, as they are now.

    Raises FenceUnprovenError unless the recorded owner holds them and they lead where they did.
    """
    owner = (move.state.external_dns or {}).get("owner")
    found = names.owned(outside.dns, move.state.hostnames, owner or "nobody")
    before = {(each["name"], each["type"]): each["values"] for each in move.state.dns}
    for each in found:
        if each.type in ADDRESSES and before.get((each.name, each.type)) != sorted(names.targets(each)):
            msg = (
                f"{each.name} leads to {', '.join(names.targets(each))} now, not to where it led at the backup: look "
                "who serves the hosted cluster"
            )
            raise FenceUnprovenError(msg)
    return found


def write_down(outside: Outside, move: Move, operation_id: str, live: Cut) -> Cut:
    """Add to what this operation has written down what it has not; returns all of it."""
    for _ in range(_ROUNDS):
        parts = list(_parts(outside, move.layout, operation_id))
        known = _joined(parts)
        wanted = known.with_more(live) if known else live
        if known and _told(wanted) == _told(known):
            return known
        key = move.layout.operation(operation_id, f"cut-{len(parts) + 1:02d}.json")
        payload = {
            "schema": SCHEMA,
            "operationId": operation_id,
            "recordSha256": move.record_sha256,
            "writtenAt": outside.clock.now().isoformat(timespec="seconds"),
            "cut": dataclasses.asdict(wanted),
        }
        signed.put_first(outside.store, outside.signer, key, payload)  # a twin may be quicker: look again
    msg = f"what operation {operation_id} is to cut keeps changing: look who works there besides, then start again"
    raise FenceUnprovenError(msg)


def written(outside: Outside, layout: ClusterLayout, operation_id: str) -> Cut | None:
    """All that an operation has written down, None when it has cut nothing."""
    return _joined(list(_parts(outside, layout, operation_id)))


def is_dead(state: str | None) -> bool:
    """Whether an instance in that state (None: there is none) is past being terminated."""
    return state is None or state in DEAD


def _parts(outside: Outside, layout: ClusterLayout, operation_id: str) -> Iterator[Cut]:
    for key in sorted(outside.store.keys(layout.operation(operation_id, "cut-"))):
        payload = signed.unseal(outside.store.get(key) or b"", outside.signer, key)
        if (payload.get("schema"), payload.get("operationId")) != (SCHEMA, operation_id):
            msg = f"{key} is not of operation {operation_id}: it was copied there"
            raise BackupUnprovenError(msg)
        yield Cut(**payload["cut"])


def _joined(parts: Sequence[Cut]) -> Cut | None:
    found: Cut | None = None
    for each in parts:
        found = found.with_more(each) if found else each
    return found


def _told(cut: Cut) -> bytes:
    return signed.canonical(dataclasses.asdict(cut))


def _record(kept: Mapping[str, Any]) -> DnsRecord:
    raw = kept["raw"]
    name = str(raw["Name"]).rstrip(".").replace("\\052", "*")
    return DnsRecord(kept["zone"], name, raw["Type"], tuple(kept["values"]), raw)


def _is_of(balancer: LoadBalancer, namespace: str) -> bool:
    return (balancer.service or "").startswith(f"{namespace}/")


def _union(one: list[Any], other: list[Any]) -> list[Any]:
    return [*one, *(each for each in other if each not in one)]
