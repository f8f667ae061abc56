"""VPC endpoints, by which the nodes of a private hosted cluster reach its API: as `ports`, but for these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class VpcEndpoint:
    """One interface endpoint."""

    id: str
    service: str
    """Name of the endpoint service that it leads to (`com.amazonaws.vpce.<region>.vpce-svc-…`)."""
    state: str
    """`available`, `pending`, `rejected`, `deleting`, … as EC2 says it, in lower case."""
    hosts: tuple[str, ...]
    """Its names in public DNS, without final dots."""


class VpcEndpoints(Protocol):
    """EC2."""

    def of(self, ids: Sequence[str]) -> dict[str, VpcEndpoint]:
        """Those that are there, by id; one that is gone is left out."""
