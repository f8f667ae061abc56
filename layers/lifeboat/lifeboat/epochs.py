"""The epoch on the objects themselves: what a lease cannot do for a process that slept between its check and its write.

A resourceVersion protects from a changed object, not from a changed owner: a late twin reads the object anew and gets a
fresh one. So whoever stops a source leaves its epoch on every object that it stops, in the same patch, and no edit by
an older epoch is made to it: edits decide by what they patch (`edits`), so there is nothing in between. Resuming takes
the epoch off, last of all what it puts back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lifeboat.edits import annotation, edit
from lifeboat.errors import LeaseLostError
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import DEPLOYMENTS, HOSTED_CLUSTERS

EPOCH = "lifeboat/epoch"
"""On an object: the epoch of the lease under which it was stopped."""

Change = Callable[[Manifest], Mapping[str, Any] | None]


def of(manifest: Manifest) -> int:
    """The epoch that an object bears; 0: none."""
    told = annotation(manifest, EPOCH)
    return int(told) if told and told.isdigit() else 0


def refuse_older(live: Manifest, epoch: int) -> None:
    """Raises LeaseLostError when a newer execution has put its epoch there."""
    if of(live) > epoch:
        kind, name = live.get("kind"), live["metadata"]["name"]
        msg = f"{kind} {name} bears epoch {of(live)}, newer than {epoch}: a newer execution took over, this must stop"
        raise LeaseLostError(msg)


def putting(change: Change, epoch: int) -> Change:
    """The change, and the epoch with it; refused when the object bears a newer one."""

    def guarded(live: Manifest) -> Mapping[str, Any] | None:
        refuse_older(live, epoch)
        patch = change(live)
        return patch if of(live) == epoch else _annotated(patch, str(epoch))

    return guarded


def taking_off(change: Change, epoch: int) -> Change:
    """The change, and no epoch any more; refused when the object bears a newer one."""

    def guarded(live: Manifest) -> Mapping[str, Any] | None:
        refuse_older(live, epoch)
        patch = change(live)
        return patch if annotation(live, EPOCH) is None else _annotated(patch, None)

    return guarded


def seal(source: ManagementCluster, hosted: HostedClusterRef, names: tuple[str, ...], epoch: int) -> None:
    """Put this epoch on the HostedCluster and these Deployments of a source at rest, where they are.

    From then on nothing that was begun before it can wake them: restore does this right before the point of no return.
    """

    def unchanged(_live: Manifest) -> None:
        return None

    edit(source, HOSTED_CLUSTERS, hosted.namespace, hosted.name, putting(unchanged, epoch))
    for name in names:
        edit(source, DEPLOYMENTS, hosted.control_plane_namespace, name, putting(unchanged, epoch))


def _annotated(patch: Mapping[str, Any] | None, value: str | None) -> dict[str, Any]:
    metadata = (patch or {}).get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), EPOCH: value}
    return {**(patch or {}), "metadata": {**metadata, "annotations": annotations}}
