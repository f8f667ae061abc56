"""How large a large hosted cluster is."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class LargeSeed:
    """How much to make. `secrets` are those of the control plane's namespace that a backup takes."""

    name: str = "large"
    namespace: str = "clusters"
    machines: int = 300
    node_pools: int = 12
    secrets: int = 400
    seed: int = 1
    status: bool = True

    @property
    def infra_id(self) -> str:
        return f"{self.name}-{random.Random(self.seed).getrandbits(20):05x}"

    @property
    def control_plane_namespace(self) -> str:
        return f"{self.namespace}-{self.name.replace('.', '-')}"

    def pools(self) -> list[str]:
        return [f"{self.name}-pool-{number:02d}" for number in range(self.node_pools)]
