"""Change one object by what was just read of it.

Every patch carries the uid and resourceVersion of the read that it rests on, so that a change made by somebody else in
between is never overwritten: the object is read again and the decision made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lifeboat.errors import ConflictError
from lifeboat.model import Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import Resource

ATTEMPTS = 5
"""Controllers write status all the time: most conflicts end with the next read."""


def edit(
    cluster: ManagementCluster,
    resource: Resource,
    namespace: str | None,
    name: str,
    change: Callable[[Manifest], Mapping[str, Any] | None],
) -> Manifest | None:
    """Patch an object by `change(what is there)`; None from `change`: it is as wanted.

    Returns the object as it is now, None when there is none. Raises ConflictError when it never stands still.
    """
    for attempt in range(1, ATTEMPTS + 1):
        current = cluster.get(resource, namespace, name)
        if current is None:
            return None
        patch = change(current)
        if patch is None:
            return current
        metadata = current["metadata"]
        guarded = {
            **patch,
            "metadata": {
                **patch.get("metadata", {}),
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
        }
        try:
            return cluster.patch(resource, namespace, name, guarded)
        except ConflictError:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def annotation(manifest: Manifest, name: str) -> str | None:
    """One annotation's value."""
    value: str | None = (manifest["metadata"].get("annotations") or {}).get(name)
    return value
