"""Field ownership (managedFields)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.kube.kinds import Kind
    from sandbox.kube.store import Object


def track_update(kind: Kind, old: Object, new: Object, manager: str, subresource: str) -> None:
    """Not tracked yet."""
