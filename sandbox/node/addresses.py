"""Loopback addresses of pods."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.node.environment import Object
    from sandbox.plan import ManagementClusterPlan, Plan

_ETCD = re.compile(r"etcd-([0-2])")


class Addresses:
    """Gives each pod an address of its own, and etcd members the one that is theirs for good.

    A restarted etcd member keeps its address, because a sandbox has no DNS that would follow it everywhere.
    """

    def __init__(self, plan: Plan, cluster: ManagementClusterPlan) -> None:
        self._plan = plan
        self._cluster = cluster
        self._all = [f"{network}.{last}" for network in cluster.pod_networks() for last in range(1, 255)]
        self._next = 0
        self._taken: set[str] = set()

    def take(self, pod: Object) -> str:
        """An address for a new pod."""
        owners = pod["metadata"].get("ownerReferences") or []
        member = _ETCD.fullmatch(pod["metadata"]["name"])
        if member and any(owner["kind"] == "StatefulSet" and owner["name"] == "etcd" for owner in owners):
            return self._cluster.etcd_address(self._plan.etcd_slot(pod["metadata"]["namespace"]), int(member[1]))
        for _ in self._all:
            address = self._all[self._next]
            self._next = (self._next + 1) % len(self._all)
            if address not in self._taken:
                self._taken.add(address)
                return address
        msg = f"{self._cluster.name}: more than {len(self._all)} pods"
        raise RuntimeError(msg)

    def give_back(self, address: str) -> None:
        self._taken.discard(address)
