"""`blue`, backed up online at mgmt-1, whose API then dies while its control plane goes on."""

from __future__ import annotations

from typing import Any

from lifeboat.errors import ApiUnavailableError
from lifeboat.moved import Move, open_move
from lifeboat.unreachable import choosing, cutting, fencing, looking, pinning, proving, putting_back
from lifeboat.unreachable.world import Outside
from tests.unit.a_backup import Backup
from tests.unit.builders import an_object
from tests.unit.unreachable.memory import MemoryDoors, MemoryEndpointServices, MemoryLoadBalancers

BALANCER = "lb-127-9-24-1.elb.us-east-2.amazonaws.example"
NEIGHBOURS = "lb-127-9-24-2.elb.us-east-2.amazonaws.example"
NODES = ("i-node-1", "i-node-2")
LOSS = {"accept": "data-loss", "reason": "its API died"}


def a_router(namespace: str = "clusters-blue", host: str = BALANCER) -> dict[str, Any]:
    return an_object(
        "v1",
        "Service",
        "router",
        namespace,
        spec={"type": "LoadBalancer", "ports": [{"port": 443}]},
        status={"loadBalancer": {"ingress": [{"hostname": host}]}},
    )


class Unreachable(Backup):
    """After the backup; `dies()` takes the API away. `data` is the data of `recover` then."""

    def __init__(self, kind: str = "online", **objects: Any) -> None:
        super().__init__(kind=kind, operation="op-0", **objects)
        self.cluster.add(a_router())
        self.load_balancers = MemoryLoadBalancers()
        self.load_balancers.add(BALANCER, "clusters-blue/router", *NODES)
        self.load_balancers.add(NEIGHBOURS, "clusters-blue-green/router", *NODES)
        self.endpoint_services = MemoryEndpointServices()
        self.doors = MemoryDoors(self.load_balancers)
        self.silent = False

    def backed_up(self) -> Unreachable:
        self.preflight()
        if self.data["kind"] == "quiesced":
            self.quiesce()
        self.capture()
        self.clock.pass_by(600)
        return self

    def dies(self) -> Unreachable:
        self.silent = True
        get = self.cluster.get

        def silence(*arguments: Any) -> Any:
            if self.silent:
                raise ApiUnavailableError("mgmt-1 does not answer (MaxRetryError on GET /)")
            return get(*arguments)

        self.cluster.get = silence  # type: ignore[method-assign]
        self.recovers("op-1")
        return self

    def recovers(self, operation: str, epoch: int = 2) -> None:
        """A `recover` is accepted."""
        self.start("online", operation, epoch)
        self.data |= {"destination": "mgmt-2", "unreachableSource": LOSS, "approved": {"by": "me", "reason": ""}}
        self.data["prepared"] = {"revisions": {"etcd-0": [4711, 1_000_004_711]}}

    @property
    def outside(self) -> Outside:
        return Outside(
            self.store,
            self.signer,
            self.clock,
            self.dns,
            self.instances,
            self.load_balancers,
            self.endpoint_services,
            self.doors,
        )

    @property
    def move(self) -> Move:
        return open_move(self.store, self.signer, self.task())

    def look(self) -> dict[str, Any]:
        self.data["silence"] = looking.look(self.cluster, self.store, self.signer, self.task(looks=6))
        return self.data["silence"]

    def choose(self) -> dict[str, Any]:
        self.data["backup"] = choosing.choose(self.outside, self.task())
        return self.data["backup"]

    def pin(self) -> dict[str, Any]:
        self.data["backup"] = pinning.pin(self.outside, self.cluster, self.task())
        return self.data["backup"]

    def chosen(self) -> Unreachable:
        """Looked at, chosen, approved, pinned."""
        self.choose()
        self.pin()
        return self

    def cut(self) -> dict[str, int]:
        self.data["cut"] = cutting.cut_off(self.outside, self.cluster, self.task(), self.move)
        return self.data["cut"]

    def check_cut(self) -> dict[str, Any]:
        self.data["cutOff"] = proving.check(self.outside, self.task(steadyLooks=3, atMost=10), self.move)
        return self.data["cutOff"]

    def fence(self) -> dict[str, Any]:
        return fencing.make(self.outside, self.cluster, self.task(), self.move)

    def check_fence(self, *, handed_over: bool = False) -> dict[str, Any]:
        return fencing.check(self.outside, self.cluster, self.task(), self.move, handed_over=handed_over)

    def put_back(self) -> dict[str, Any]:
        self.data["putBack"] = putting_back.put_back(self.outside, self.task(atMost=3))
        return self.data["putBack"]
