"""What is refused about a request before its object is looked at as such."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from sandbox.kube import errors
from sandbox.kube.kinds import BUILT_IN, Kind

if TYPE_CHECKING:
    from sandbox.kube.store import Object, Store

NAMESPACES = next(kind for kind in BUILT_IN if kind.resource == "namespaces")


def types(kind: Kind, obj: Object) -> None:
    """Whether a body can be decoded as `kind`: what Go's types refuse before any rule is looked at."""
    if not isinstance(obj, dict):
        raise errors.bad_request("the object provided is not a JSON object")
    version = obj.setdefault("apiVersion", kind.api_version)
    if version != kind.api_version and kind.custom:
        text = f"the API version in the data ({version}) does not match the expected API version ({kind.api_version})"
        raise errors.bad_request(text)
    if version != kind.api_version:
        text = f'no kind "{kind.kind}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'
        quoted = json.dumps(version)
        raise errors.bad_request(f"{kind.kind} in version {quoted} cannot be handled as a {kind.kind}: {text}")
    if obj.setdefault("kind", kind.kind) != kind.kind:
        text = f"{obj['kind']} in version {json.dumps(kind.api_version)} cannot be handled as a {kind.kind}"
        raise errors.bad_request(text)
    _metadata(kind, obj.get("metadata"))
    for field in ("spec", "status"):
        if field in obj and obj[field] is None:
            del obj[field]
        elif not isinstance(obj.get(field, {}), dict):
            raise _undecodable(kind, f"{kind.kind}.{field}", obj[field])
    if kind.resource in ("configmaps", "secrets"):
        _data(kind, obj)


def _metadata(kind: Kind, meta: Any) -> None:
    if meta is None:
        return
    if not isinstance(meta, dict):
        raise _undecodable(kind, "ObjectMeta.metadata", meta)
    for field in ("labels", "annotations"):
        _texts(kind, f"ObjectMeta.metadata.{field}", meta.get(field))
    for field, inner in (("ownerReferences", dict), ("finalizers", str)):
        values = meta.get(field)
        if values is not None and not (isinstance(values, list) and all(isinstance(each, inner) for each in values)):
            raise _undecodable(kind, f"ObjectMeta.metadata.{field}", values)


def _data(kind: Kind, obj: Object) -> None:
    _texts(kind, f"{kind.kind}.data", obj.get("data"))
    if kind.resource == "secrets":
        for key, value in (obj.get("data") or {}).items():
            try:
                base64.b64decode(value.replace("\n", ""), validate=True)  # lines may be wrapped
            except ValueError as error:
                text = f'Secret in version "v1" cannot be handled as a Secret: illegal base64 data in data[{key}]'
                raise errors.bad_request(text) from error


def _texts(kind: Kind, field: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        raise _undecodable(kind, field, value)
    for key, inner in value.items():
        if inner is None:
            value[key] = ""  # so does Go
        elif not isinstance(inner, str):
            raise _undecodable(kind, field, inner)


def _undecodable(kind: Kind, field: str, value: object) -> errors.ApiError:
    names = {bool: "bool", int: "number", float: "number", list: "array", dict: "object", str: "string"}
    found = names.get(type(value), "null")
    text = f"json: cannot unmarshal {found} into Go struct field {field}"
    version = json.dumps(kind.api_version)
    return errors.bad_request(f"{kind.kind} in version {version} cannot be handled as a {kind.kind}: {text}")


def namespace(store: Store, kind: Kind, namespace: str, meta: Object) -> None:
    """A new object's namespace must be the URL's, be there, and not be on its way out."""
    given = meta.get("namespace") or ""
    if given and given != namespace:
        text = "the namespace of the provided object does not match the namespace sent on the request"
        raise errors.bad_request(text)
    if not kind.namespaced:
        return
    home = store.get("namespaces", "", namespace)
    if home is None:
        raise errors.not_found(NAMESPACES, namespace)
    if home.object["metadata"].get("deletionTimestamp"):
        name = meta.get("name") or meta.get("generateName") or ""
        text = f"unable to create new content in namespace {namespace} because it is being terminated"
        failure = errors.forbidden(kind, name, text)
        cause = {"reason": "NamespaceTerminating", "field": "metadata.namespace",
                 "message": f"namespace {namespace} is being terminated"}  # fmt: skip
        failure.details = {**kind.details(name), "causes": [cause]}
        raise failure


def preconditions(kind: Kind, name: str, old: Object, new: Object) -> None:
    """An update must be of the object on the URL, and of the version that is stored where it names one."""
    meta = new["metadata"]
    if meta.get("name") and meta["name"] != name:
        text = f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
        raise errors.bad_request(text)
    if kind.namespaced and meta.get("namespace") not in (None, "", old["metadata"]["namespace"]):
        text = "the namespace of the provided object does not match the namespace sent on the request"
        raise errors.bad_request(text)
    revision = meta.get("resourceVersion")
    if not revision and not kind.unconditional:
        text = "must be specified for an update"
        raise errors.invalid(kind, name, [errors.FieldError.invalid("metadata.resourceVersion", 0, text)])
    if revision and revision != old["metadata"]["resourceVersion"]:
        raise errors.modified(kind, name)
    immutable = [
        errors.FieldError.invalid(f"metadata.{field}", meta[field], "field is immutable")
        for field in ("uid", "deletionTimestamp")
        if meta.get(field) and meta[field] != old["metadata"].get(field)
    ]
    if immutable:
        raise errors.invalid(kind, name, immutable)


def same_object(kind: Kind, name: str, old: Object, new: Object) -> None:
    """A uid in an update of the whole object is a precondition (in a patch it is a field like others)."""
    before, wanted = old["metadata"]["uid"], (new.get("metadata") or {}).get("uid")
    if wanted and wanted != before:
        why = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {before}"
        raise errors.conflict(kind, name, why)
