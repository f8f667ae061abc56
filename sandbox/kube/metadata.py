"""What every object has: names, labels, owners, and which of it a request may set."""

from __future__ import annotations

import datetime
import re
import secrets
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sandbox.kube.errors import ApiError, FieldError

if TYPE_CHECKING:
    from sandbox.kube.kinds import Kind
    from sandbox.kube.store import Object

_SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
_LABEL_KEY = re.compile(r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")
_LABEL_VALUE = re.compile(r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"  # apimachinery's alphabet for generated names: no vowels, no words
_MAX_ANNOTATIONS = 256 * 1024  # bytes, of keys and values together
_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
_SERVER_OWNED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")


def now() -> str:
    return time_text(datetime.datetime.now(datetime.UTC))


def time_text(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def initialise(kind: Kind, obj: Object, namespace: str) -> None:
    """Set what the server sets on a new object, whatever the request said; the name must be there already."""
    metadata = obj["metadata"]
    if metadata.get("resourceVersion"):
        # The store's plain error, which the API passes on without a reason and with code 500.
        raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
    for field in (*_SERVER_OWNED, "resourceVersion", "selfLink", "managedFields"):
        metadata.pop(field, None)
    if namespace:
        metadata["namespace"] = namespace
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = now()
    if kind.generation:
        metadata["generation"] = 1
    prune(metadata)


def generate_name(prefix: str) -> str:
    return prefix[:58] + "".join(secrets.choice(_SUFFIX) for _ in range(5))


def carry_over(old: Object, new: Object) -> None:
    """Put back what an update may not change."""
    before, metadata = old["metadata"], new["metadata"]
    for field in (*_SERVER_OWNED, "name", "namespace"):
        metadata.pop(field, None)
        if field in before:
            metadata[field] = before[field]
    metadata.pop("selfLink", None)
    prune(metadata)


def prune(metadata: dict[str, Any]) -> None:
    """Drop what is empty, as the server's encoder does."""
    for field in ("labels", "annotations", "finalizers", "ownerReferences", "generateName"):
        if field in metadata and not metadata[field]:
            del metadata[field]


def problems(kind: Kind, new: Object, old: Object | None) -> Iterator[FieldError]:
    """What is wrong with the metadata of `new`."""
    metadata = new["metadata"]
    if old is None:
        yield from _name_problems(kind, metadata["name"])
    for field in ("labels", "annotations"):
        for key, value in (metadata.get(field) or {}).items():
            if not _LABEL_KEY.match(key):
                yield FieldError.invalid(f"metadata.{field}", key, "name part must consist of alphanumeric characters")
            if field == "labels" and not _LABEL_VALUE.match(str(value)):
                yield FieldError.invalid("metadata.labels", value, "a valid label must be an empty string or consist "
                                         "of alphanumeric characters, '-', '_' or '.', and must start and end with an "
                                         "alphanumeric character")  # fmt: skip
    yield from _owner_problems(metadata)
    yield from _limit_problems(kind, metadata)
    if old is not None and old["metadata"].get("deletionTimestamp"):
        before = old["metadata"].get("finalizers") or []
        added = [each for each in metadata.get("finalizers") or [] if each not in before]
        if added:
            listed = ", ".join(f'"{each}"' for each in added)
            yield FieldError.forbidden(
                "metadata.finalizers",
                "no new finalizers can be added if the object is being deleted, found new finalizers "
                f"[]string{{{listed}}}",
            )


def _limit_problems(kind: Kind, metadata: dict[str, Any]) -> Iterator[FieldError]:
    size = sum(len(key) + len(str(value)) for key, value in (metadata.get("annotations") or {}).items())
    if size > _MAX_ANNOTATIONS:
        text = f"Too long: may not be more than {_MAX_ANNOTATIONS} bytes"
        yield FieldError("metadata.annotations", "FieldValueTooLong", text)
    for index, name in enumerate([] if kind.custom else metadata.get("finalizers") or []):
        if "/" not in name and name not in _STANDARD_FINALIZERS:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            yield FieldError.invalid(f"metadata.finalizers[{index}]", name, text)


def _owner_problems(metadata: dict[str, Any]) -> Iterator[FieldError]:
    controllers = 0
    for owner in metadata.get("ownerReferences") or []:
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                yield FieldError.invalid(f"metadata.ownerReferences.{field}", "", "must not be empty")
        controllers += bool(owner.get("controller"))
    if controllers > 1:
        yield FieldError.invalid("metadata.ownerReferences", [], "Only one reference can have Controller set to true.")


def _name_problems(kind: Kind, name: str) -> Iterator[FieldError]:
    if kind.group == "rbac.authorization.k8s.io":
        if "/" in name or "%" in name:
            yield FieldError.invalid("metadata.name", name, "may not contain '/' or '%'")
        return
    if kind.resource in ("namespaces", "services"):
        if not _LABEL.match(name) or len(name) > 63:
            yield FieldError.invalid(
                "metadata.name",
                name,
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
                "and end with an alphanumeric character",
            )
    elif not _SUBDOMAIN.match(name) or len(name) > 253:
        yield FieldError.invalid(
            "metadata.name",
            name,
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            "start and end with an alphanumeric character",
        )
