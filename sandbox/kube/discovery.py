"""What clients read to learn which kinds there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.kube.errors import unknown_path
from sandbox.kube.kinds import VERBS, Kind, Kinds

if TYPE_CHECKING:
    from sandbox.kube.store import Object

VERSION = {
    "major": "1",
    "minor": "31",
    "gitVersion": "v1.31.0+sandbox",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "go1.22",
    "compiler": "gc",
    "platform": "linux/amd64",
}

_SUBRESOURCE_KINDS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "binding": ("", "v1", "Binding", ("create",)),
    "eviction": ("policy", "v1", "Eviction", ("create",)),
    "exec": ("", "v1", "PodExecOptions", ("create", "get")),
    "token": ("authentication.k8s.io", "v1", "TokenRequest", ("create",)),
    "log": ("", "v1", "Pod", ("get",)),
    "finalize": ("", "v1", "Namespace", ("update",)),
    "scale": ("autoscaling", "v1", "Scale", ("get", "patch", "update")),
}


def find(path: str, kinds: Kinds, address: str) -> Object | None:
    """The document of a discovery path; None when the path is about objects. Raises NotFound for what is not served."""
    match path.strip("/").split("/"):
        case ["api"]:
            return versions(address)
        case ["apis"]:
            return groups(kinds)
        case ["openapi", "v3"]:
            return {"paths": {}}
        case ["api", version]:
            found = resources(kinds, "", version)
        case ["apis", name]:
            found = group(kinds, name)
        case ["apis", name, version]:
            found = resources(kinds, name, version)
        case _:
            return None
    if found is None:
        raise unknown_path()
    return found


def versions(address: str) -> Object:
    """`/api`."""
    by_client = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": by_client}


def groups(kinds: Kinds) -> Object:
    """`/apis`."""
    listed = [_group(name, served) for name, served in kinds.groups().items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def group(kinds: Kinds, name: str) -> Object | None:
    """`/apis/<group>`; None when nothing of it is served."""
    served = kinds.groups().get(name)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, served)} if served and name else None


def _group(name: str, served: list[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in served]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def resources(kinds: Kinds, group_name: str, version: str) -> Object | None:
    """`/api/v1` or `/apis/<group>/<version>`; None when nothing of it is served."""
    found = sorted(kinds.of(group_name, version), key=lambda kind: kind.plural)
    if not found:
        return None
    group_version = f"{group_name}/{version}" if group_name else version
    entries = [entry for kind in found for entry in _entries(kind)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries}


def _entries(kind: Kind) -> list[Object]:
    verbs = ["create"] if kind.review else list(VERBS)
    entry: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": verbs,
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    entries = [entry]
    base = {"singularName": "", "namespaced": kind.namespaced}
    if kind.status:
        entries.append(
            {"name": f"{kind.plural}/status", **base, "kind": kind.kind, "verbs": ["get", "patch", "update"]}
        )
    for subresource in (*(("scale",) if kind.scale else ()), *kind.extra_subresources):
        group_name, version, name, verbs_of = _SUBRESOURCE_KINDS[subresource]
        entry = {"name": f"{kind.plural}/{subresource}", **base, "kind": name, "verbs": list(verbs_of)}
        if group_name:
            entry |= {"group": group_name, "version": version}
        entries.append(entry)
    return entries
