"""By what an unreachable source is judged and cut: everything but the source itself."""

from __future__ import annotations

from dataclasses import dataclass

from lifeboat.ports import Clock, Dns, Instances, ObjectStore, Signer
from lifeboat.traffic import Doors, EndpointServices, LoadBalancers


@dataclass(frozen=True)
class Outside:
    """The bucket, and AWS around the source."""

    store: ObjectStore
    signer: Signer
    clock: Clock
    dns: Dns
    instances: Instances
    load_balancers: LoadBalancers
    endpoint_services: EndpointServices
    doors: Doors
