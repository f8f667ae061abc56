"""What a request's path means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.kube.errors import unknown_path
from sandbox.kube.kinds import Kind, Kinds

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}


@dataclass(frozen=True)
class Target:
    """A collection (`name` empty), an object, or a subresource of one."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    def verb(self, method: str, *, watch: bool) -> str:
        """As RBAC and the audit log call it."""
        if self.name:
            return _VERBS.get(method, method.lower())
        if method in ("GET", "HEAD"):
            return "watch" if watch else "list"
        return "deletecollection" if method == "DELETE" else _VERBS.get(method, method.lower())

    @property
    def resource(self) -> str:
        return f"{self.kind.resource}/{self.subresource}" if self.subresource else self.kind.resource


def flag(query: Mapping[str, str], name: str) -> bool:
    """A boolean of the query, as Go's ParseBool reads it (the Python client sends `True`)."""
    return query.get(name, "") in ("1", "t", "T", "true", "TRUE", "True")


def is_about_objects(path: str) -> bool:
    """Whether a path is one for `parse`; the others are health, version and discovery."""
    parts = path.strip("/").split("/")
    return len(parts) > {"api": 2, "apis": 3}.get(parts[0], len(parts))


def parse(path: str, kinds: Kinds) -> Target:
    """Raises NotFound for what is not served."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise unknown_path()
    namespace = ""
    # `namespaces/x` is the object itself, also with its own subresources; anything longer is inside of it
    if rest[0] == "namespaces" and len(rest) > 2 and not (not group and rest[2] in ("status", "finalize")):
        namespace, rest = rest[1], rest[2:]
    kind = kinds.find(group, version, rest[0])
    if kind is None or len(rest) > 3 or (namespace and not kind.namespaced):
        raise unknown_path()
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if kind.namespaced and name and not namespace:
        raise unknown_path()
    if subresource and not _has(kind, subresource):
        raise unknown_path()
    return Target(kind, namespace, name, subresource)


def _has(kind: Kind, subresource: str) -> bool:
    return (
        (subresource == "status" and kind.status)
        or (subresource == "scale" and kind.scale)
        or subresource in kind.extra_subresources
    )
