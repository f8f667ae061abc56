"""Deletion: its options, the grace of pods, and what still holds an object that is marked for it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.kube import errors
from sandbox.kube.metadata import time_text
from sandbox.kube.paths import flag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.kube.access import User
    from sandbox.kube.kinds import Kind
    from sandbox.kube.store import Object

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
DEFAULT_POD_GRACE = 30


@dataclass(frozen=True)
class DeleteOptions:
    """Of a delete. `propagation` is Background (None), Foreground or Orphan; seconds of grace matter for pods only."""

    dry_run: bool = False
    propagation: str | None = None
    grace_seconds: int | None = None
    uid: str | None = None
    resource_version: str | None = None
    user: User | None = None

    @classmethod
    def parse(cls, body: Mapping[str, Any], query: Mapping[str, str], user: User | None = None) -> DeleteOptions:
        """From the request's body, and from the query where the body is silent."""
        preconditions = body.get("preconditions") or {}
        grace = body.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
        propagation = body.get("propagationPolicy") or query.get("propagationPolicy")
        if body.get("orphanDependents") or flag(query, "orphanDependents"):
            propagation = "Orphan"
        if propagation not in (None, "Background", "Foreground", "Orphan"):
            msg = f'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "{propagation}"'
            raise errors.ApiError(422, "Invalid", msg)
        return cls(
            dry_run=bool(body.get("dryRun")) or "dryRun" in query,
            propagation=propagation,
            grace_seconds=None if grace is None else int(grace),
            uid=preconditions.get("uid"),
            resource_version=preconditions.get("resourceVersion"),
            user=user,
        )


def is_released(kind: Kind, obj: Object) -> bool:
    """Whether an object marked for deletion has nothing left that holds it."""
    meta = obj["metadata"]
    if not meta.get("deletionTimestamp") or meta.get("finalizers"):
        return False
    if kind.resource == "namespaces":
        return not obj["spec"].get("finalizers")
    return not meta.get("deletionGracePeriodSeconds")


def grace_seconds(kind: Kind, obj: Object, options: DeleteOptions) -> int:
    """Only pods have a grace, and only those that a kubelet may run."""
    if kind.resource != "pods":
        return 0
    meta, spec = obj["metadata"], obj["spec"]
    grace = options.grace_seconds
    if grace is None:
        grace = spec.get("terminationGracePeriodSeconds", DEFAULT_POD_GRACE)
    if not spec.get("nodeName") or (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        grace = 0
    already = meta.get("deletionGracePeriodSeconds")
    if meta.get("deletionTimestamp") and already is not None:
        grace = min(grace, already)  # a second delete can only shorten it
    return max(int(grace), 0)


def finalizers_for(finalizers: list[str], propagation: str | None) -> list[str]:
    """Foreground and Orphan are finalizers that the garbage collector takes off; each delete decides anew."""
    kept = [each for each in finalizers if each not in (FOREGROUND, ORPHAN)]
    if propagation == "Foreground":
        return [*kept, FOREGROUND]
    if propagation == "Orphan":
        return [*kept, ORPHAN]
    return kept if propagation == "Background" else finalizers


def mark(obj: Object, grace: int) -> None:
    meta = obj["metadata"]
    already = meta.get("deletionGracePeriodSeconds")
    if meta.get("deletionTimestamp") and (already or 0) <= grace:
        return
    if not meta.get("deletionTimestamp") and meta.get("generation"):
        meta["generation"] += 1
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=grace)
    meta["deletionTimestamp"] = time_text(moment)
    meta["deletionGracePeriodSeconds"] = grace
