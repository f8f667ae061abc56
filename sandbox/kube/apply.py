"""Server-side apply: not served yet, an apply patch is answered with 415."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.kube import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.kube.paths import Target
    from sandbox.kube.registry import Registry
    from sandbox.kube.store import Stored


def apply(registry: Registry, target: Target, patch: Any, query: Mapping[str, str]) -> tuple[Stored, bool]:
    raise errors.unsupported_media_type(["application/merge-patch+json", "application/json-patch+json"])
