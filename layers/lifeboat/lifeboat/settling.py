"""An online backup while machines come and go: what is on its way in or out is left out, and told.

An autoscaler or a rollout keeps some machine in motion for an hour, and that is when a backup is wanted most. Restored,
a Machine that was being deleted would live again while its instance dies, and one without an instance would get a
second one; a MachineSet that lacks either makes what it wants anew. A source at rest has none: there they are refused.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from lifeboat import listings
from lifeboat.inventory import Group, Inventory
from lifeboat.model import Manifest
from lifeboat.resources import AWS_MACHINE_TEMPLATES, AWS_MACHINES, MACHINE_SETS, MACHINES

_IN_MOTION = (MACHINE_SETS, MACHINES, AWS_MACHINES, AWS_MACHINE_TEMPLATES)
"""What a rollout makes and deletes. Anything else that is being deleted is somebody's decision, and refused."""


def is_settled(machine: Manifest) -> bool:
    """Whether a Machine has its instance and keeps it."""
    return not machine["metadata"].get("deletionTimestamp") and bool(machine["spec"].get("providerID"))


def without_unsettled(found: Inventory) -> Inventory:
    """The inventory without what is in motion, and without what belongs to that."""
    moving = [each for group in found.groups if group.resource in _IN_MOTION for each in group.objects]
    out = {each["metadata"]["uid"]: each for each in moving if _is_in_motion(each)}
    while more := [each for each in moving if each["metadata"]["uid"] not in out and _belongs(each, out)]:
        out.update({each["metadata"]["uid"]: each for each in more})
    if not out:
        return found
    groups = tuple(
        Group(group.resource, group.namespace, objects)
        for group in found.groups
        if (objects := tuple(each for each in group.objects if each["metadata"]["uid"] not in out))
    )
    return dataclasses.replace(
        found,
        groups=groups,
        dangling=tuple(listings.dangling(found.read, [each for group in groups for each in group.objects])),
        left_out=tuple(_told(each) for each in out.values()),
    )


def _is_in_motion(manifest: Manifest) -> bool:
    if manifest["kind"] == MACHINES.kind:
        return not is_settled(manifest)
    return bool(manifest["metadata"].get("deletionTimestamp"))


def _belongs(manifest: Manifest, out: dict[str, Manifest]) -> bool:
    """Whether one of them owns it, or is the infrastructure that it cannot be without."""
    if any(owner in out for owner in _owners(manifest)):
        return True
    wanted = (manifest["spec"].get("infrastructureRef") or {}).get("name")
    gone = {each["metadata"]["name"] for each in out.values() if each["kind"] == AWS_MACHINES.kind}
    return manifest["kind"] == MACHINES.kind and wanted in gone


def _owners(manifest: Manifest) -> Iterator[str]:
    for each in manifest["metadata"].get("ownerReferences") or ():
        yield each["uid"]


def _told(manifest: Manifest) -> str:
    what = f"{manifest['kind']} {manifest['metadata']['name']}"
    if manifest["metadata"].get("deletionTimestamp"):
        return f"{what} is being deleted"
    if manifest["kind"] == MACHINES.kind and not manifest["spec"].get("providerID"):
        return f"{what} has no instance yet"
    return f"{what} belongs to what is left out"
