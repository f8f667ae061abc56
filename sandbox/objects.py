"""Small questions about Kubernetes objects (as JSON), and the one write that all controllers share: `ensure`."""

from __future__ import annotations

import copy
import datetime
import hashlib
import json
from typing import TYPE_CHECKING

from sandbox.client import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.client import Client, Object, Objects, Resource

__all__ = [
    "condition",
    "digest",
    "ensure",
    "has_finalizer",
    "is_controlled_by",
    "is_ready",
    "labels_of",
    "now",
    "owner_reference",
    "set_finalizer",
    "status_of",
    "update_status",
    "with_conditions",
]


def now() -> str:
    """The time as Kubernetes writes it (UTC, seconds)."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def digest(value: object, length: int = 8) -> str:
    """A short name for a JSON value, the same for the same value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:length]


def labels_of(obj: Object) -> Object:
    labels: Object = obj["metadata"].get("labels") or {}
    return labels


def owner_reference(owner: Object, *, controller: bool = True, block: bool = True) -> Object:
    """A reference to `owner` for a dependent's metadata."""
    reference: Object = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }
    if controller:
        reference["controller"] = True
    if block:
        reference["blockOwnerDeletion"] = True
    return reference


def is_controlled_by(obj: Object, owner: Object) -> bool:
    uid = owner["metadata"]["uid"]
    return any(ref["uid"] == uid and ref.get("controller") for ref in obj["metadata"].get("ownerReferences") or [])


def is_ready(pod: Object) -> bool:
    """Whether the pod runs and its Ready condition is True."""
    return status_of(pod).get("phase") == "Running" and (condition(pod, "Ready") or {}).get("status") == "True"


def status_of(obj: Object) -> Object:
    status: Object = obj.get("status") or {}
    return status


def condition(obj: Object, kind: str) -> Object | None:
    """The condition of that type, or None."""
    return next((each for each in status_of(obj).get("conditions") or [] if each["type"] == kind), None)


def has_finalizer(obj: Object, name: str) -> bool:
    return name in (obj["metadata"].get("finalizers") or [])


def set_finalizer(client: Client, resource: Resource, obj: Object, name: str, *, present: bool) -> Object:
    """Add or remove one finalizer, guarded by the resourceVersion that was read."""
    finalizers = list(obj["metadata"].get("finalizers") or [])
    if (name in finalizers) == present:
        return obj
    finalizers = [*finalizers, name] if present else [each for each in finalizers if each != name]
    metadata = obj["metadata"]
    patch = {"metadata": {"finalizers": finalizers, "resourceVersion": metadata["resourceVersion"]}}
    return client.patch(resource, metadata["name"], patch, metadata.get("namespace"))


def ensure(client: Client, resource: Resource, desired: Object, *, live: Object | None = None) -> Object:
    """Create `desired`, or patch what differs from it in the object that is there. Fields it does not name stay.

    Returns the object as the API holds it. A None in `desired` removes the field.
    """
    metadata = desired["metadata"]
    live = live or client.get(resource, metadata["name"], metadata.get("namespace"))
    if live is None:
        try:
            return client.create(resource, _without_none(desired))
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            live = client.get(resource, metadata["name"], metadata.get("namespace"))
            if live is None:
                raise
    patch = _difference(live, {name: value for name, value in desired.items() if name not in ("apiVersion", "kind")})
    if not patch:
        return live
    return client.patch(resource, metadata["name"], patch, metadata.get("namespace"))


def update_status(client: Client, resource: Resource, obj: Object, status: Object) -> Object:
    """Replace the status when it differs; PUT and not merge patch, which would drop fields that must be null."""
    if status_of(obj) == status:
        return obj
    return client.replace_status(resource, obj | {"status": status})


def with_conditions(
    present: Iterable[Object] | None, wanted: Iterable[tuple[str, str, str, str]], *, bare: bool = False
) -> Objects:
    """`present` with the conditions (type, status, reason, message) in; transition times change with the status.

    `bare` leaves out an empty message, which Cluster API's conditions must not have and the others must.
    """
    conditions = {each["type"]: each for each in present or []}
    for kind, status, reason, message in wanted:
        old = conditions.get(kind, {})
        changed = old.get("status") != status
        conditions[kind] = {
            **old,
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": now() if changed else old["lastTransitionTime"],
        }
        if bare and not message:
            del conditions[kind]["message"]
    return list(conditions.values())


def _difference(live: Object, desired: Object) -> Object:
    patch: Object = {}
    for name, value in desired.items():
        present = live.get(name)
        if isinstance(value, dict) and isinstance(present, dict):
            if inner := _difference(present, value):
                patch[name] = inner
        elif not _covers(present, value):
            patch[name] = value
    return patch


def _covers(present: object, wanted: object) -> bool:
    """Whether `present` says all that `wanted` says; what the API added by default does not matter.

    Nor does what it leaves out: typed kinds and conversions drop `false` and what is empty.
    """
    if isinstance(wanted, dict) and isinstance(present, dict):
        return all(_covers(present.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list) and isinstance(present, list):
        return len(present) == len(wanted) and all(map(_covers, present, wanted))
    return present == wanted or (present is None and (wanted is False or wanted in ({}, [])))


def _without_none(value: Object) -> Object:
    return {
        name: _without_none(each) if isinstance(each, dict) else copy.deepcopy(each)
        for name, each in value.items()
        if each is not None
    }
