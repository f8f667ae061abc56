"""The inside of hosted clusters: their kube-apiserver, a client that never stops writing, and the workers' kubelets."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.plan import Plan

CANARY = "lifeboat-canary-"


def canary(plan: Plan) -> str:
    """The text hidden in Secrets of this sandbox's hosted clusters: nothing but etcd and its backups may hold it."""
    path = plan.run / "canary.txt"
    try:
        with path.open("x", encoding="utf-8") as new:
            new.write(CANARY + secrets.token_hex(16))
    except FileExistsError:
        pass
    return path.read_text(encoding="utf-8")
