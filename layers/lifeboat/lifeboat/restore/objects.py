"""Restoring one group of objects: created if absent, paused where Cluster API would act, owners by live UIDs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lifeboat import backups, polling
from lifeboat.epochs import EPOCH
from lifeboat.errors import RestoreFailedError
from lifeboat.model import Manifest
from lifeboat.reconciliation import OPERATION
from lifeboat.references import without_foreign_marks
from lifeboat.resources import (
    AWS_MACHINES,
    CLUSTERS,
    HOSTED_CONTROL_PLANES,
    MACHINE_DEPLOYMENTS,
    MACHINE_SETS,
    MACHINES,
    Resource,
)
from lifeboat.restore.loading import Destination
from lifeboat.restore.order import ALL, GROUPS
from lifeboat.restore.relink import Links

PAUSED = "cluster.x-k8s.io/paused"
_SERVER_FIELDS = (
    "uid",
    "resourceVersion",
    "generation",
    "managedFields",
    "selfLink",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
)


def restore_group(destination: Destination, group: str) -> dict[str, Any]:
    """Create all objects of one group of `order.GROUPS`; what is there already by this operation stays as it is.

    Raises RestoreFailedError when an object of that name exists that this operation did not make and that differs.
    """
    links = destination_links(destination)
    created = present = 0
    dropped: set[str] = set()
    for resource in GROUPS[group]:
        for exported in destination.manifests(resource):
            manifest = prepare(resource, exported, destination)
            references, left = links.references(resource, manifest)
            dropped.update(left)
            if references:
                manifest["metadata"]["ownerReferences"] = references
            if destination.cluster.create(resource, manifest) is not None:
                created += 1
            else:
                assert_ours(destination, resource, manifest)
                present += 1
        links.forget()  # what was just made may own what comes next
    return {"group": group, "created": created, "present": present, "ownersNotRestored": sorted(dropped)}


def destination_links(destination: Destination) -> Links:
    """The backup's owner references, resolved at the destination."""
    ownership = backups.read_evidence(destination.store, destination.record, "ownership.json")
    return Links.read(destination.cluster, ownership)


def prepare(resource: Resource, exported: Manifest, destination: Destination) -> Manifest:
    """The manifest to create: without what a server sets, with what keeps Cluster API still until all is there."""
    manifest = copy.deepcopy(exported)
    manifest.pop("status", None)
    metadata = manifest["metadata"]
    for field in _SERVER_FIELDS:
        metadata.pop(field, None)
    (metadata.get("annotations") or {}).pop(EPOCH, None)  # of the source's rest
    if metadata.get("namespace") == destination.hosted.namespace:
        metadata["annotations"] = without_foreign_marks(metadata.get("annotations") or {}, destination.hosted)
        _annotate(manifest, OPERATION, destination.operation_id)
    if change := _CHANGES.get(resource.kind):
        change(manifest, destination)
    return manifest


def assert_ours(destination: Destination, resource: Resource, manifest: Manifest) -> None:
    """Accept an object that is there: this operation's, or (in the shared namespace) one with the same content."""
    metadata = manifest["metadata"]
    namespace = metadata.get("namespace")
    live = destination.cluster.get(resource, namespace, metadata["name"])
    if live is None or namespace == destination.namespace:
        return  # gone again: the check of owners tells; the control-plane namespace as a whole is ours
    if destination.is_ours(live):
        return
    if same_content(live, manifest):
        return  # e.g. a pull secret that hosted clusters share
    msg = (
        f"{resource} {namespace}/{metadata['name']} exists on {destination.cluster.name} with other content, and not "
        "by this operation: rename or delete it there if nothing uses it"
    )
    raise RestoreFailedError(msg)


def same_content(one: Manifest, other: Manifest) -> bool:
    """Whether two Secrets or ConfigMaps hold the same."""
    return all((one.get(field) or {}) == (other.get(field) or {}) for field in ("data", "binaryData"))


def check_owners(destination: Destination, kinds: Sequence[Resource] = ALL) -> dict[str, Any]:
    """Prove that all exported objects of these kinds are there, with every owner, and each Machine with its instance.

    Raises RestoreFailedError naming the first few that are not: going on would let CAPA make new instances.
    """
    links = destination_links(destination)
    problems: list[str] = []
    counted = 0
    for resource in kinds:
        exports = destination.manifests(resource)
        there = {
            (namespace, each["metadata"]["name"]): each
            for namespace in {each["metadata"].get("namespace") for each in exports}
            for each in destination.cluster.list_objects(resource, namespace)
        }
        for exported in exports:
            metadata = exported["metadata"]
            live = there.get((metadata.get("namespace"), metadata["name"]))
            what = f"{resource.kind} {metadata['name']}"
            if live is None or live["metadata"].get("deletionTimestamp"):
                problems.append(f"{what} is gone")
                continue
            counted += 1
            problems += _owner_problems(links, resource, live, what)
            problems += _identity_problems(resource, exported, live, what)
    if problems:
        msg = f"{destination.cluster.name} does not hold what was restored: {polling.one_line(problems)}"
        raise RestoreFailedError(msg)
    return {"objects": counted}


def _owner_problems(links: Links, resource: Resource, live: Manifest, what: str) -> list[str]:
    wanted, dropped = links.references(resource, live)
    key = (resource.plural, live["metadata"].get("namespace"), live["metadata"]["name"])
    expected = len(links.owners_of.get(key, ())) - len(dropped)
    have = {each["uid"] for each in live["metadata"].get("ownerReferences") or ()}
    if len(wanted) < expected:
        return [f"an owner of {what} is not there"]
    return [f"{what} lacks its owner {each['kind']} {each['name']}" for each in wanted if each["uid"] not in have]


def _identity_problems(resource: Resource, exported: Manifest, live: Manifest, what: str) -> list[str]:
    """Machines keep their instances by spec alone: status does not travel."""
    if resource not in {MACHINES, AWS_MACHINES}:
        return []
    wanted = exported["spec"].get("providerID")
    if not wanted:
        return [f"{what} has no providerID in the backup"]
    return [] if live["spec"].get("providerID") == wanted else [f"{what} lost its providerID"]


def _annotate(manifest: Manifest, name: str, value: str) -> None:
    metadata = manifest["metadata"]
    metadata["annotations"] = {**(metadata.get("annotations") or {}), name: value}


def _still_control_plane(manifest: Manifest, destination: Destination) -> None:
    """The HostedControlPlane waits for its HostedCluster: the operator then copies that one's `pausedUntil` into it."""
    manifest["spec"]["pausedUntil"] = "true"
    set_snapshot_url(manifest["spec"], destination.snapshot_url)


def set_snapshot_url(spec: Mapping[str, Any], url: str | None) -> None:
    """Give a HostedCluster's or HostedControlPlane's spec this `restoreSnapshotURL`, or none.

    Both must agree, since it cannot be changed afterwards. That of an earlier restore is dropped: it is an old bearer
    URL that nothing needs. Raises RestoreFailedError where there is no place for one.
    """
    storage = ((spec.get("etcd") or {}).get("managed") or {}).get("storage")
    if storage is not None:
        storage.pop("restoreSnapshotURL", None)
    if url is None:
        return
    if storage is None:
        raise RestoreFailedError("HyperShift does not manage this etcd's storage: restore by `volumes`")
    storage["restoreSnapshotURL"] = [url]


def _still_cluster(manifest: Manifest, _destination: Destination) -> None:
    """`spec.paused` stops CAPI and CAPA for all its objects; the operator unpauses with the HostedCluster."""
    manifest["spec"]["paused"] = True


def _still_machines(manifest: Manifest, destination: Destination) -> None:
    """As the operator does for a paused NodePool.

    It takes the annotation off those that bear a NodePool's name only: a MachineSet made by a MachineDeployment keeps
    what it had, or it would stay paused for ever.
    """
    if manifest["metadata"]["name"] in destination.state.node_pools:
        _annotate(manifest, PAUSED, "true")


_CHANGES: dict[str, Callable[[Manifest, Destination], None]] = {
    HOSTED_CONTROL_PLANES.kind: _still_control_plane,
    CLUSTERS.kind: _still_cluster,
    MACHINE_DEPLOYMENTS.kind: _still_machines,
    MACHINE_SETS.kind: _still_machines,
}
