"""Kubernetes objects of a management cluster, whole kinds at once, for comparing and for following owners."""

from __future__ import annotations

from typing import Any

from sandbox import client as kinds
from sandbox.client import Client, Object, Resource
from sandbox.hypershift.conversion import ANNOTATION

_EVERY = [each for each in vars(kinds).values() if isinstance(each, Resource)]
_BELONGING = [each for each in _EVERY if each.namespaced and each.plural not in {"events", "leases", "endpoints"}]
_LIVELY = {"resourceVersion", "managedFields", "generation"}


def dangling_owners(cluster: Client, namespace: str) -> list[str]:
    """Owner references in a namespace that name no living object (by uid)."""
    everything = [obj for kind in _EVERY for obj in cluster.list(kind)]
    alive = {obj["metadata"]["uid"] for obj in everything}
    return [
        f"{obj['kind']} {obj['metadata']['name']} → {owner['kind']} {owner['name']}"
        for obj in everything
        if obj["metadata"].get("namespace") == namespace
        for owner in obj["metadata"].get("ownerReferences", ())
        if owner["uid"] not in alive
    ]


def of_hosted_cluster(cluster: Client, namespace: str, name: str) -> dict[str, Any]:
    """What belongs to one hosted cluster, without what changes by itself: `Kind namespace/name` → object.

    Pods are left out of comparing by their owners' spec; status and resource versions are cut.
    """
    control_plane = f"{namespace}-{name}"
    found = {}
    for kind in _BELONGING:
        for obj in cluster.list(kind, control_plane):
            found[_key(obj)] = _still(obj)
    for kind in (kinds.HOSTED_CLUSTERS, kinds.NODE_POOLS):
        for obj in cluster.list(kind, namespace):
            if name in {obj["metadata"]["name"], obj["spec"].get("clusterName")}:
                found[_key(obj)] = _still(obj)
    for kind in (kinds.SECRETS, kinds.CONFIG_MAPS):
        for obj in cluster.list(kind, namespace):
            if obj["metadata"]["name"].startswith((f"{name}-", "pull-secret")):
                found[_key(obj)] = _still(obj)
    return found


def leftovers(cluster: Client, namespace: str, name: str) -> list[str]:
    """What still bears the name of a hosted cluster that should be gone."""
    control_plane = f"{namespace}-{name}"
    gone = [_key(obj) for kind in _BELONGING for obj in cluster.list(kind, control_plane)]
    if cluster.get(kinds.NAMESPACES, control_plane):
        gone.append(f"Namespace {control_plane}")
    if cluster.get(kinds.HOSTED_CLUSTERS, name, namespace):
        gone.append(f"HostedCluster {namespace}/{name}")
    gone += [_key(obj) for obj in cluster.list(kinds.NODE_POOLS, namespace) if obj["spec"].get("clusterName") == name]
    for kind in (kinds.CLUSTER_ROLES, kinds.CLUSTER_ROLE_BINDINGS):
        gone += [
            _key(obj)
            for obj in cluster.list(kind)
            if f"{namespace}/{name}" in (obj["metadata"].get("labels") or {}).values()
            or f"{namespace}-{name}" in (obj["metadata"].get("labels") or {}).values()
        ]
    return gone


def made_by_lifeboat(cluster: Client, namespace: str, name: str) -> list[str]:
    """What a restore that was taken back must not leave: the hosted cluster, its volumes, what bears our mark."""
    control_plane = f"{namespace}-{name}"
    volumes = [
        _key(obj)
        for obj in cluster.list(kinds.PERSISTENT_VOLUMES)
        if (obj["spec"].get("claimRef") or {}).get("namespace") == control_plane
    ]
    marked = [
        _key(obj)
        for kind in _EVERY
        for obj in cluster.list(kind)
        if any(mark.startswith("lifeboat/") for mark in obj["metadata"].get("annotations") or {})
    ]
    return sorted({*leftovers(cluster, namespace, name), *volumes, *marked})


def condition(obj: Object | None, kind: str) -> str:
    """Status of a condition, or `missing`."""
    conditions = ((obj or {}).get("status") or {}).get("conditions") or ()
    return next((each["status"] for each in conditions if each["type"] == kind), "missing")


def _key(obj: Object) -> str:
    metadata = obj["metadata"]
    return f"{obj['kind']} {metadata.get('namespace', '')}/{metadata['name']}"


def _still(obj: Object) -> Object:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _LIVELY}
    if metadata.get("annotations"):  # the object in its stored version, status included
        metadata["annotations"] = {key: value for key, value in metadata["annotations"].items() if key != ANNOTATION}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}
