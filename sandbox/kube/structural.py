"""What a custom object becomes by its schema before anything is validated: defaults, pruning, nulls.

The order is the API server's: defaults are set while a body is decoded (a null where none may be counts as absent),
then fields that the schema does not know are dropped, then the nulls that are left where none may be.
"""

from __future__ import annotations

import copy
from typing import Any

Schema = dict[str, Any]
_META = ("apiVersion", "kind", "metadata")
_ANY: Schema = {}


def coerce(schema: Schema, obj: dict[str, Any]) -> list[str]:
    """Default, prune and drop nulls in place; the paths of the fields that were dropped as unknown."""
    content = {name: value for name, value in obj.items() if name not in _META}
    shape = {**schema, "properties": {k: v for k, v in (schema.get("properties") or {}).items() if k not in _META}}
    unknown: list[str] = []
    _default(shape, content)
    _prune(shape, content, "", unknown)
    _drop_nulls(shape, content)
    for name in [each for each in obj if each not in _META]:
        del obj[name]
    obj.update(content)
    return unknown


def property_of(schema: Schema, name: str) -> Schema | None:
    """The schema of one field; None when the schema says nothing about it."""
    found: Schema | None = (schema.get("properties") or {}).get(name)
    if found is None:
        rest = schema.get("additionalProperties")
        return rest if isinstance(rest, dict) else _ANY if rest else None
    return found


def same(one: Any, other: Any) -> bool:
    """Equality of JSON values. In Python alone a number may equal a truth value."""
    return bool(one == other) and _alike(one, other)


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return all(_alike(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return all(map(_alike, one, other))
    return isinstance(one, bool) == isinstance(other, bool)


def _default(schema: Schema, value: Any) -> None:
    if isinstance(value, dict):
        for name, inner in (schema.get("properties") or {}).items():
            if "default" in inner and (name not in value or _forbidden_null(inner, value[name])):
                value[name] = copy.deepcopy(inner["default"])
        for name in value:
            found = property_of(schema, name)
            if found is not None:
                if value[name] is None and "default" in found and not found.get("nullable"):
                    value[name] = copy.deepcopy(found["default"])
                _default(found, value[name])
    elif isinstance(value, list) and isinstance(inner := schema.get("items"), dict):
        for index, item in enumerate(value):
            if _forbidden_null(inner, item) and "default" in inner:
                value[index] = copy.deepcopy(inner["default"])
            _default(inner, value[index])


def _forbidden_null(schema: Schema, value: Any) -> bool:
    return value is None and not schema.get("nullable")


def _prune(schema: Schema, value: Any, path: str, unknown: list[str]) -> None:
    keep = schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(value, dict):
        for name in list(value):
            if schema.get("x-kubernetes-embedded-resource") and name in _META:
                continue
            inner = property_of(schema, name)
            at = f"{path}.{name}" if path else name
            if inner is not None:
                _prune(inner, value[name], at, unknown)
            elif not keep:
                unknown.append(at)
                del value[name]
    elif isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            # Under a list that keeps unknown fields its items keep them too, whatever their own schema says.
            inner = {**items, "x-kubernetes-preserve-unknown-fields": True} if keep else items
            for index, item in enumerate(value):
                _prune(inner, item, f"{path}[{index}]", unknown)


def _drop_nulls(schema: Schema, value: Any) -> None:
    if isinstance(value, dict):
        for name in list(value):
            inner = property_of(schema, name)
            if inner is None:
                continue
            if _forbidden_null(inner, value[name]) and "default" not in inner:
                del value[name]
            else:
                _drop_nulls(inner, value[name])
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for item in value:
            _drop_nulls(schema["items"], item)
