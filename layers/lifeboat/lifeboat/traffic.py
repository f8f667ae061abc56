"""The ways on which nodes and people reach a control plane in AWS, and how they are cut: as `ports`, but for these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

AT_ONCE = {
    "deregistration_delay.timeout_seconds": "0",
    "deregistration_delay.connection_termination.enabled": "true",
}
"""Attributes of a target group with which a deregistered target loses its open connections too.

AWS, *Network Load Balancers: edit target group attributes*: without the second one they live on until they end by
themselves, and a node keeps its connection to the API for days.
"""


@dataclass(frozen=True, order=True)
class Target:
    """Where a load balancer sends to: an instance or an address, and a port. `zone` only where it was registered so."""

    id: str
    port: int
    zone: str | None = None


@dataclass(frozen=True)
class TargetGroup:
    """One target group. `targets` are those that get, or still drain, connections; `attributes` the two of AT_ONCE."""

    arn: str
    targets: tuple[Target, ...]
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class LoadBalancer:
    """One load balancer of elbv2, with its name in public DNS."""

    arn: str
    host_name: str
    service: str | None
    """`<namespace>/<name>` of the Service that it was made for, by its tags; None: nobody says."""
    owners: tuple[str, ...]
    """Tags that tell which management cluster made it (`kubernetes.io/cluster/…`, `elbv2.k8s.aws/cluster=…`)."""
    ports: tuple[int, ...]
    groups: tuple[TargetGroup, ...]


class LoadBalancers(Protocol):
    """Elastic Load Balancing (elbv2)."""

    def of_namespace(self, namespace: str, host_names: Sequence[str]) -> list[LoadBalancer]:
        """Those with one of these names, and those made for Services of this namespace by whoever made the former."""

    def set_attributes(self, group: str, attributes: Mapping[str, str]) -> None:
        """Set these attributes of a target group; one that is gone is left alone."""

    def deregister(self, group: str, targets: Sequence[Target]) -> None:
        """Send nothing there any more; one that is not registered is no error."""

    def register(self, group: str, targets: Sequence[Target]) -> list[Target]:
        """Send there again; returns those that cannot be registered (any more)."""


@dataclass(frozen=True)
class Connection:
    """One VPC endpoint that is connected to an endpoint service, or wants to be."""

    service_id: str
    endpoint_id: str
    state: str
    """`available`, `pendingAcceptance`, `rejected`, … as EC2 says it."""

    @property
    def is_open(self) -> bool:
        """Whether it carries traffic now or may by itself in a moment."""
        return self.state.lower() in {"available", "pending", "pendingacceptance"}


class EndpointServices(Protocol):
    """VPC endpoint services (PrivateLink)."""

    def connections(self, services: Sequence[str]) -> list[Connection]:
        """All connections of these services, by their names (`com.amazonaws.vpce.<region>.vpce-svc-…`)."""

    def reject(self, connections: Sequence[Connection]) -> None: ...

    def accept(self, connections: Sequence[Connection]) -> None: ...


class Doors(Protocol):
    """What can be knocked at from here."""

    def answers(self, host: str, port: int, names: Sequence[str]) -> bool:
        """Whether somebody finishes a TLS handshake there within a few seconds, whatever the certificate says.

        Asked for each of these names, and for none: a router of several control planes leads on by the name.
        """
