"""Lists that are sets or maps: nothing twice in them, and which item of one state is which of another."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from sandbox.kube.errors import FieldError
from sandbox.kube.structural import Schema, property_of


def problems(schema: Schema, value: Any, path: str = "") -> Iterator[FieldError]:
    """Duplicate items, wherever in `value`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if (isinstance(inner, (dict, list))) and (found := property_of(schema, name)):
                yield from problems(found, inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        kind = schema.get("x-kubernetes-list-type")
        if kind == "map":
            yield from _no_objects(value, path)
        if kind in ("set", "map") and len(value) > 1:
            yield from _duplicates(schema, value, path)
        if isinstance(schema.get("items"), dict):
            for index, item in enumerate(value):
                yield from problems(schema["items"], item, f"{path}[{index}]")


def _no_objects(items: list[Any], path: str) -> Iterator[FieldError]:
    for index, item in enumerate(items):
        if item is not None and not isinstance(item, dict):
            text = "must be an object for an array of list-type map"
            yield FieldError.invalid(f"{path}[{index}]", item, text)
            return


def _duplicates(schema: Schema, items: list[Any], path: str) -> Iterator[FieldError]:
    seen: dict[str, int] = {}
    for index, item in enumerate(items):
        key = item if schema["x-kubernetes-list-type"] == "set" else _key(schema, item)
        text = json.dumps(key, sort_keys=True, separators=(",", ":"))
        seen[text] = seen.get(text, 0) + 1
        if seen[text] == 2:
            yield FieldError(f"{path}[{index}]", "FieldValueDuplicate", f"Duplicate value: {text}")


def _key(schema: Schema, item: Any) -> dict[str, Any]:
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    return {key: item[key] for key in keys if key in item} if isinstance(item, dict) else {}


def by_keys(schema: Schema, old: Any) -> Callable[[Any], Any]:
    """Finds the item of the list `old` with the keys of a new one; only in lists that are maps."""
    if not isinstance(old, list) or schema.get("x-kubernetes-list-type") != "map":
        return lambda _: None
    found = {json.dumps(_key(schema, each), sort_keys=True): each for each in old}
    return lambda item: found.get(json.dumps(_key(schema, item), sort_keys=True))


def in_order_of(schema: Schema, old: Any, new: Any) -> Any:
    """`old` with the items of its sets and maps in the order of `new`: for them order is no difference."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {
            name: in_order_of(inner, value, new[name])
            if name in new and (inner := property_of(schema, name))
            else value
            for name, value in old.items()
        }
    if not (isinstance(old, list) and isinstance(new, list)):
        return old
    kind = schema.get("x-kubernetes-list-type")
    if kind == "set":
        wanted = {json.dumps(each, sort_keys=True): index for index, each in enumerate(new)}
        return sorted(old, key=lambda each: wanted.get(json.dumps(each, sort_keys=True), len(new)))
    if kind == "map":
        place = {json.dumps(_key(schema, each), sort_keys=True): index for index, each in enumerate(new)}
        ordered = sorted(old, key=lambda each: place.get(json.dumps(_key(schema, each), sort_keys=True), len(new)))
        found = by_keys(schema, new)
        return [in_order_of(schema.get("items") or {}, each, found(each)) for each in ordered]
    return old
