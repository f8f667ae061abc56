"""What leads to a control plane, in memory: load balancers with targets, endpoint services, addresses that answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from lifeboat.traffic import AT_ONCE, Connection, LoadBalancer, Target, TargetGroup

DRAINING = dict.fromkeys(AT_ONCE, "300") | {"deregistration_delay.connection_termination.enabled": "false"}


class MemoryLoadBalancers:
    """`traffic.LoadBalancers`."""

    def __init__(self) -> None:
        self.there: dict[str, LoadBalancer] = {}
        self.gone: set[str] = set()
        """Ids of targets that can no longer be registered."""
        self.order: list[str] = []

    def add(self, host: str, service: str | None, *targets: str, owner: str = "kubernetes.io/cluster/mgmt-1=owned"):
        arn = f"arn:{host}"
        group = TargetGroup(f"{arn}:443", tuple(Target(each, 30443) for each in targets), DRAINING)
        self.there[arn] = LoadBalancer(arn, host, service, (owner,), (443,), (group,))

    def targets(self, host: str) -> list[str]:
        return [each.id for group in self.there[f"arn:{host}"].groups for each in group.targets]

    def of_namespace(self, namespace: str, host_names: Sequence[str]) -> list[LoadBalancer]:
        named = [each for each in self.there.values() if each.host_name in host_names]
        owners = {owner for each in named for owner in each.owners}
        beside = [
            each
            for each in self.there.values()
            if (each.service or "").startswith(f"{namespace}/") and owners.intersection(each.owners)
        ]
        return [each for each in self.there.values() if each in named or each in beside]

    def set_attributes(self, group: str, attributes: Mapping[str, str]) -> None:
        self._change(group, lambda each: dataclasses.replace(each, attributes={**each.attributes, **attributes}))

    def deregister(self, group: str, targets: Sequence[Target]) -> None:
        self.order.append("deregister")
        left = {each.id for each in targets}
        self._change(
            group,
            lambda each: dataclasses.replace(each, targets=tuple(one for one in each.targets if one.id not in left)),
        )

    def register(self, group: str, targets: Sequence[Target]) -> list[Target]:
        fit = [each for each in targets if each.id not in self.gone]
        self._change(
            group, lambda each: dataclasses.replace(each, targets=tuple(sorted({*each.targets, *fit}, key=repr)))
        )
        return [each for each in targets if each.id in self.gone]

    def _change(self, arn: str, change) -> None:
        for key, balancer in self.there.items():
            groups = tuple(change(each) if each.arn == arn else each for each in balancer.groups)
            self.there[key] = dataclasses.replace(balancer, groups=groups)


class MemoryEndpointServices:
    """`traffic.EndpointServices`."""

    def __init__(self) -> None:
        self.there: dict[tuple[str, str], str] = {}

    def connections(self, services: Sequence[str]) -> list[Connection]:
        ids = {each.rpartition(".")[2] for each in services}
        return [Connection(*key, state) for key, state in self.there.items() if key[0] in ids]

    def reject(self, connections: Sequence[Connection]) -> None:
        self.there |= {(each.service_id, each.endpoint_id): "rejected" for each in connections}

    def accept(self, connections: Sequence[Connection]) -> None:
        self.there |= {(each.service_id, each.endpoint_id): "available" for each in connections}


class MemoryDoors:
    """`traffic.Doors`: behind a load balancer somebody answers while it has targets."""

    def __init__(self, balancers: MemoryLoadBalancers) -> None:
        self._balancers = balancers
        self.open: set[str] = set()
        self.dead: set[str] = set()

    def answers(self, host: str, port: int, names: Sequence[str]) -> bool:
        assert names, "a router leads on by the name"
        if host in self.open or host in self.dead:
            return host in self.open
        return f"arn:{host}" in self._balancers.there and bool(self._balancers.targets(host))
