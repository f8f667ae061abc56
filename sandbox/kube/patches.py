"""Merge patch (RFC 7386), JSON patch (RFC 6902) and strategic merge patch of the built-in kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonpatch

from sandbox.kube.errors import ApiError, FieldError, bad_request, invalid

if TYPE_CHECKING:
    from sandbox.kube.kinds import Kind
    from sandbox.kube.store import Object

MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "secrets": ("name",),
    "addresses": ("type",),
    "webhooks": ("name",),
    "podIPs": ("ip",),
}
"""List fields of built-in kinds that merge, with the key of their items (patchMergeKey in k8s.io/api)."""

_SETS = {"finalizers"}


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, a list replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def json_patch(kind: Kind, name: str, target: Object, operations: Any) -> Object:
    """RFC 6902. A path that is not there, or a test that fails, is 422 as in the real server."""
    if not isinstance(operations, list):
        msg = "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch"
        raise bad_request(msg)
    try:
        patched: Object = jsonpatch.apply_patch(target, operations)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, KeyError, TypeError) as error:
        text = "the server rejected our request due to an error in our request"
        raise ApiError(422, "Invalid", text, {**kind.details(name), "causes": [{"message": str(error)}]}) from error
    if not isinstance(patched, dict) or "metadata" not in patched:
        raise invalid(kind, name, [FieldError.required("metadata")])
    return patched


def merge_key(field: str, items: list[Any]) -> tuple[str, ...] | None:
    """The key of a list's items, which for `ports` depends on whether a container or a Service has them."""
    if field == "ports":
        container = any(isinstance(each, dict) and "containerPort" in each for each in items)
        return ("containerPort",) if container else ("port",)
    return MERGE_KEYS.get(field)


def strategic(target: Any, patch: Any) -> Any:
    """Strategic merge: `merge`, but lists of the known fields merge by key, with the `$patch` directives."""
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if key == "$patch" or key.startswith("$setElementOrder/"):
            continue
        if key == "$retainKeys":
            result = {name: result[name] for name in result if name in value}
        elif key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            result[field] = [each for each in result.get(field) or [] if each not in value]
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, list):
            result[key] = _strategic_list(key, result.get(key) or [], value)
        else:
            merged = strategic(result.get(key), value)
            if isinstance(value, dict) and value.get("$patch") == "delete":
                result.pop(key, None)
            else:
                result[key] = merged
    return result


def _strategic_list(field: str, target: list[Any], patch: list[Any]) -> list[Any]:
    if field in _SETS:
        return target + [each for each in patch if each not in target]
    keys = merge_key(field, patch + target)
    if keys is None or not all(isinstance(each, dict) for each in patch):
        return patch
    if any(each.get("$patch") == "replace" for each in patch):
        return [each for each in patch if "$patch" not in each]
    result = list(target)
    for item in patch:
        identity = [item.get(key) for key in keys]
        place = next((i for i, each in enumerate(result) if [each.get(key) for key in keys] == identity), None)
        if item.get("$patch") == "delete":
            if place is not None:
                del result[place]
        elif place is None:
            result.append(strategic({}, item))
        else:
            result[place] = strategic(result[place], item)
    return result
