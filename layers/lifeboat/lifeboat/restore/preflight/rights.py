"""Whether the registered credentials may do at both sides what a move does there."""

from __future__ import annotations

from collections.abc import Iterator

from lifeboat import permissions
from lifeboat.restore.preflight.look import Look

_TOLD = 10


def problems(look: Look) -> Iterator[str]:
    """Asked verb by verb: a right that is missed half way is missed after the source was stopped."""
    hosted = look.destination.hosted
    sides = [(look.cluster, permissions.DESTINATION), *([(look.source, permissions.SOURCE)] if look.source else [])]
    for cluster, rights in sides:
        if found := list(permissions.missing(cluster, hosted, rights)):
            more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
            yield (
                f"the credentials registered for {cluster.name} may not {', '.join(found[:_TOLD])}{more}: bind them a "
                "role that allows it"
            )
