"""Is the destination fit to take a hosted cluster? Everything that a restore rests on, looked at and not changed.

Each module is one subject. All problems of all subjects are told at once, each with its remedy; what an earlier
execution of this same operation left at the destination is no problem: it goes on.
"""

from __future__ import annotations

from typing import Any

from lifeboat.errors import PreflightError
from lifeboat.ports import ManagementCluster
from lifeboat.restore.loading import Destination
from lifeboat.restore.preflight import (
    bootstrap,
    cloud,
    encryption,
    identity,
    leftovers,
    names,
    operators,
    ownership,
    rights,
    room,
    schemas,
    snapshot_url,
    webhooks,
)
from lifeboat.restore.preflight.look import Look, Outside, Subject

__all__ = ["Look", "Outside", "approvals", "notes", "preflight", "problems"]

BLOCKING: tuple[Subject, ...] = (
    leftovers.problems,
    operators.problems,
    names.problems,
    room.problems,
    schemas.problems,
    webhooks.problems,
    identity.problems,
    encryption.problems,
    bootstrap.problems,
    ownership.problems,
    cloud.problems,
    snapshot_url.problems,
    rights.problems,
)
STILL: tuple[Subject, ...] = (leftovers.problems, operators.problems, names.problems)
"""What counts once the destination owns the hosted cluster: its own control plane then takes the room, for instance."""


def problems(look: Look) -> list[str]:
    """Everything that stands against a restore there, in words that end with what to do; [] for a fit destination."""
    handed_over = look.ours and look.destination.live_hosted_cluster() is not None
    return [line for subject in (STILL if handed_over else BLOCKING) for line in subject(look)]


def approvals(look: Look) -> list[str]:
    """What does not stand against it, and a person should have read before: in words, for an approval."""
    return [*operators.differences(look), *names.differences(look), *cloud.differences(look)]


def notes(look: Look) -> list[str]:
    """What is good to know, and no reason to wait."""
    return [*names.notes(look), *bootstrap.notes(look)]


def preflight(destination: Destination, source: ManagementCluster, outside: Outside) -> dict[str, Any]:
    """Refuse a destination that is not fit, with all problems (PreflightError).

    Returns `{handedOver}`: whether an earlier execution of this operation already created the HostedCluster, after
    which nothing before it may be touched again.
    """
    if found := problems(Look.at(destination, source, outside)):
        msg = f"{destination.cluster.name} is not fit to take {destination.hosted}: " + "; ".join(found)
        raise PreflightError(msg)
    return {"handedOver": destination.live_hosted_cluster() is not None}
