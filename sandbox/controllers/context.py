"""What every controller of one management cluster is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.client import Client
    from sandbox.informer import Informers
    from sandbox.plan import ManagementClusterPlan, Plan


@dataclass(frozen=True)
class Context:
    """One management cluster: its plan, its API, the caches of it."""

    plan: Plan
    cluster: ManagementClusterPlan
    client: Client
    informers: Informers
