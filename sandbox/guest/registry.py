"""The kinds a hosted API serves, where etcd holds them, and what may be done to them.

A value is stored byte for byte as it was sent. What a real server would add is told in answers only: resourceVersion
is etcd's revision of the key, uid (if none was sent) follows from the key and the revision that created it.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jsonpatch

from sandbox.guest.etcd import Etcd, KeyValue

if TYPE_CHECKING:
    from collections.abc import Mapping

Object = dict[str, Any]

PREFIX = "/kubernetes.io"
EVENT_TTL, _LEASE_REUSE = 30, 5.0  # seconds
_ATTEMPTS = 5


class Refusal(Exception):  # noqa: N818
    """An answer other than success."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason

    def to_status(self) -> Object:
        return {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": str(self), "reason": self.reason, "code": self.code,
        }  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """One served kind."""

    api_version: str
    plural: str
    kind: str
    namespaced: bool = True

    def prefix(self, namespace: str | None) -> str:
        return f"{PREFIX}/{self.plural}/" + (f"{namespace}/" if self.namespaced and namespace else "")

    def key(self, namespace: str | None, name: str) -> str:
        return self.prefix(namespace) + name


KINDS = tuple(
    Kind(*each)
    for each in (
        ("v1", "configmaps", "ConfigMap"),
        ("v1", "secrets", "Secret"),
        ("v1", "pods", "Pod"),
        ("v1", "events", "Event"),
        ("v1", "serviceaccounts", "ServiceAccount"),
        ("v1", "services", "Service"),
        ("v1", "nodes", "Node", False),
        ("v1", "namespaces", "Namespace", False),
        ("apps/v1", "deployments", "Deployment"),
        ("coordination.k8s.io/v1", "leases", "Lease"),
        ("config.openshift.io/v1", "clusterversions", "ClusterVersion", False),
        ("config.openshift.io/v1", "clusteroperators", "ClusterOperator", False),
    )
)


class Registry:
    """Objects of one hosted cluster. Raises Refusal, EtcdError."""

    def __init__(self, etcd: Etcd) -> None:
        self._etcd = etcd

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        return _answer(kind, await self._read(kind, namespace, name))

    async def list(self, kind: Kind, namespace: str | None, query: Mapping[str, str]) -> Object:
        listing = await self._etcd.list(kind.prefix(namespace))
        items = [_answer(kind, each) for each in listing.items]
        return {
            "kind": kind.kind + "List",
            "apiVersion": kind.api_version,
            "metadata": {"resourceVersion": str(listing.revision)},
            "items": [each for each in items if _selected(each, query)],
        }

    async def create(self, kind: Kind, namespace: str | None, body: bytes) -> Object:
        obj = _parse(body)
        metadata = obj.setdefault("metadata", {})
        if metadata.get("resourceVersion"):
            raise Refusal(400, "BadRequest", "resourceVersion should not be set on objects to be created")
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + uuid.uuid4().hex[:5]
            body = _dump(obj)
        name = _checked_name(kind, obj, namespace, None)
        key = kind.key(namespace, name)
        revision = await self._etcd.put(key, body, at=0, lease=await self._lease(kind))
        if revision is None:
            raise Refusal(409, "AlreadyExists", f'{kind.plural} "{name}" already exists')
        return _answer(kind, KeyValue(key, body, revision, revision))

    async def replace(self, kind: Kind, namespace: str | None, name: str, body: bytes) -> Object:
        obj = _parse(body)
        _checked_name(kind, obj, namespace, name)
        wanted = obj["metadata"].pop("resourceVersion", None)
        if wanted is not None:
            body = _dump(obj)
        for _ in range(_ATTEMPTS):
            present = await self._read(kind, namespace, name)
            if wanted is not None and wanted != str(present.mod_revision):
                break
            revision = await self._etcd.put(present.key, body, at=present.mod_revision, lease=await self._lease(kind))
            if revision is not None:
                return _answer(kind, KeyValue(present.key, body, present.create_revision, revision))
        raise _conflict(kind, name)

    async def patch(self, kind: Kind, namespace: str | None, name: str, patch: Any, content_type: str) -> Object:
        for _ in range(_ATTEMPTS):
            try:
                present = await self._read(kind, namespace, name)
            except Refusal:
                if content_type != "application/apply-patch+yaml":
                    raise
                return await self.create(kind, namespace, _dump(patch))
            obj = _parse(present.value)
            if content_type == "application/json-patch+json":
                obj = jsonpatch.apply_patch(obj, patch)
            else:  # a strategic merge of lists is not served
                obj = _merge(obj, patch)
            wanted = obj.get("metadata", {}).pop("resourceVersion", None)
            if wanted is not None and wanted != str(present.mod_revision):
                break
            value = _dump(obj)
            revision = await self._etcd.put(present.key, value, at=present.mod_revision)
            if revision is not None:
                return _answer(kind, KeyValue(present.key, value, present.create_revision, revision))
        raise _conflict(kind, name)

    async def delete(self, kind: Kind, namespace: str | None, name: str, options: Object) -> Object:
        for _ in range(_ATTEMPTS):
            present = await self._read(kind, namespace, name)
            answer = _answer(kind, present)
            wanted = (options.get("preconditions") or {}).get("uid")
            if wanted and wanted != answer["metadata"]["uid"]:
                message = f"the UID in the precondition ({wanted}) does not match the UID in record"
                raise Refusal(409, "Conflict", f'Operation cannot be fulfilled on {kind.plural} "{name}": {message}')
            if await self._etcd.delete(present.key, at=present.mod_revision) is not None:
                return answer
        raise _conflict(kind, name)

    async def delete_collection(self, kind: Kind, namespace: str | None, query: Mapping[str, str]) -> Object:
        found = await self.list(kind, namespace, query)
        for each in found["items"]:
            metadata = each["metadata"]
            await self._etcd.delete(kind.key(metadata.get("namespace", namespace), metadata["name"]))
        return found

    async def _read(self, kind: Kind, namespace: str | None, name: str) -> KeyValue:
        found = await self._etcd.get(kind.key(namespace, name))
        if found is None:
            raise Refusal(404, "NotFound", f'{kind.plural} "{name}" not found')
        return found

    async def _lease(self, kind: Kind) -> int:
        return await self._etcd.short_lease(EVENT_TTL, _LEASE_REUSE) if kind.kind == "Event" else 0


def _parse(body: bytes) -> Object:
    try:
        obj = json.loads(body)
    except ValueError as error:
        raise Refusal(400, "BadRequest", f"couldn't parse the body: {error}") from error
    if not isinstance(obj, dict):
        raise Refusal(400, "BadRequest", "the body is not an object")
    return obj


def _dump(obj: Object) -> bytes:
    return json.dumps(obj, separators=(",", ":")).encode()


def _checked_name(kind: Kind, obj: Object, namespace: str | None, name: str | None) -> str:
    metadata = obj.get("metadata") or {}
    found = metadata.get("name")
    if not found:
        raise Refusal(422, "Invalid", f"{kind.kind} is invalid: metadata.name: Required value: name is required")
    if name is not None and found != name:
        raise Refusal(
            400, "BadRequest", f"the name of the object ({found}) does not match the name on the URL ({name})"
        )
    if kind.namespaced and metadata.get("namespace", namespace) != namespace:
        raise Refusal(400, "BadRequest", "the namespace of the object does not match the namespace on the request")
    return str(found)


def _conflict(kind: Kind, name: str) -> Refusal:
    message = "the object has been modified; please apply your changes to the latest version and try again"
    return Refusal(409, "Conflict", f'Operation cannot be fulfilled on {kind.plural} "{name}": {message}')


def _answer(kind: Kind, found: KeyValue) -> Object:
    obj: Object = {"kind": kind.kind, "apiVersion": kind.api_version, **_parse(found.value)}
    metadata: Object = dict(obj.get("metadata") or {})
    parts = found.key.removeprefix(f"{PREFIX}/{kind.plural}/").split("/")
    if kind.namespaced:
        metadata.setdefault("namespace", parts[0])
    metadata.setdefault("uid", str(uuid.uuid5(uuid.NAMESPACE_URL, f"{found.key}@{found.create_revision}")))
    metadata["resourceVersion"] = str(found.mod_revision)
    return obj | {"metadata": metadata}


def _merge(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value)
    return merged


def _selected(obj: Object, query: Mapping[str, str]) -> bool:
    labels = obj["metadata"].get("labels") or {}
    for term in filter(None, query.get("labelSelector", "").split(",")):
        name, _, value = term.partition("=")
        unequal = name.endswith("!")
        if not value and "=" not in term:
            if name not in labels:
                return False
        elif (labels.get(name.rstrip("!=")) == value.lstrip("=")) is unequal:
            return False
    for term in filter(None, query.get("fieldSelector", "").split(",")):
        path, _, value = term.partition("=")
        found: Any = obj
        for part in path.split("."):
            found = (found or {}).get(part)
        if found != value.lstrip("="):
            return False
    return True
