"""The fields of an object as a set of paths: what one manager owns, and `fieldsV1` is the record of.

A path is a tuple of elements in the notation of `fieldsV1`: `f:name` a field, `k:{...}` an item of a list by its keys,
`v:...` a member of a set; a last `.` stands for the item itself. Lists without keys, and selectors, are one value
(structured-merge-diff's `atomic`). Which lists have keys is said by the schema of a custom kind; for the built-in kinds
by the table in `patches`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from sandbox.kube import patches

if TYPE_CHECKING:
    from sandbox.kube.kinds import Kind
    from sandbox.kube.store import Object

Path = tuple[str, ...]
ITSELF = "."

_ATOMIC_FIELDS = {"selector", "nodeSelector", "labelSelector", "secretKeyRef", "configMapKeyRef", "roleRef"}
_METADATA = ("labels", "annotations", "finalizers", "ownerReferences")  # what of the metadata has owners
_PORT_KEYS = {"containerPort": ("containerPort", "protocol"), "port": ("port", "protocol")}
_METADATA_SCHEMA: dict[str, Any] = {
    "finalizers": {"x-kubernetes-list-type": "set"},
    "ownerReferences": {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["uid"]},
}


class Shape:
    """What is known about a place in an object: whether its maps and lists merge."""

    def __init__(self, schema: dict[str, Any] | None, name: str = "") -> None:
        self._schema, self._name = schema, name

    @classmethod
    def of(cls, kind: Kind) -> Shape:
        return cls(kind.schema)

    def field(self, name: str) -> Shape:
        if self._schema is None:
            return Shape(None, name)
        if name in _METADATA_SCHEMA and self._name == "metadata":
            return Shape(_METADATA_SCHEMA[name], name)
        return Shape((self._schema.get("properties") or {}).get(name) or {}, name)

    def item(self) -> Shape:
        return Shape(None if self._schema is None else self._schema.get("items") or {})

    @property
    def atomic_map(self) -> bool:
        if self._schema is None:
            return self._name in _ATOMIC_FIELDS
        return self._schema.get("x-kubernetes-map-type") == "atomic"

    def is_set(self) -> bool:
        if self._schema is None:
            return self._name == "finalizers"
        return self._schema.get("x-kubernetes-list-type") == "set"

    def keys(self, items: list[Any]) -> tuple[str, ...] | None:
        """The fields that tell items apart, None when the list is one value."""
        if self._schema is not None:
            if self._schema.get("x-kubernetes-list-type") != "map":
                return None
            return tuple(self._schema["x-kubernetes-list-map-keys"])
        keys = patches.merge_key(self._name, items)
        return _PORT_KEYS.get(keys[0], keys) if keys else None


def leaves(kind: Kind, obj: Object, subresource: str = "") -> dict[Path, Any]:
    """Every path of `obj` that can have an owner, with its value.

    The status counts only under the subresource `status`, and nothing else does there.
    """
    shape = Shape.of(kind)
    found: dict[Path, Any] = {}
    for name, value in obj.items():
        if name in ("apiVersion", "kind") or (kind.status and (name == "status") != (subresource == "status")):
            continue
        if name == "metadata":
            kept = {field: value[field] for field in _METADATA if value.get(field)}
            found.update(_walk(kept, shape.field(name), ("f:metadata",)) if kept else ())
        else:
            found.update(_walk(value, shape.field(name), (f"f:{name}",)))
    return found


def _walk(value: Any, shape: Shape, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value and not shape.atomic_map:
        for name, inner in value.items():
            yield from _walk(inner, shape.field(name), (*path, f"f:{name}"))
    elif isinstance(value, list) and value and shape.is_set():
        for member in value:
            yield (*path, f"v:{json.dumps(member)}"), member
    elif isinstance(value, list) and (items := _keyed(value, shape)) is not None:
        for element, item in items:
            yield (*path, element, ITSELF), element
            for name, inner in item.items():
                yield from _walk(inner, shape.item().field(name), (*path, element, f"f:{name}"))
    else:
        yield path, value


def _keyed(items: list[Any], shape: Shape) -> list[tuple[str, Object]] | None:
    """Items with their `k:` element; None when the list is one value (or an item has none of the keys)."""
    keys = shape.keys(items) if items else None
    if not keys or not all(isinstance(each, dict) for each in items):
        return None
    result = []
    for item in items:
        identity = {key: item[key] for key in sorted(keys) if key in item}
        if not identity:
            return None
        if "protocol" in keys:
            identity.setdefault("protocol", "TCP")
        result.append((f"k:{json.dumps(identity, separators=(',', ':'))}", item))
    return result


def merge(live: Any, applied: Any, shape: Shape) -> Any:
    """`live` with what is in `applied`: maps and keyed lists merge, everything else is replaced."""
    if isinstance(live, dict) and isinstance(applied, dict) and not shape.atomic_map:
        result = dict(live)
        for name, value in applied.items():
            result[name] = merge(live[name], value, shape.field(name)) if name in live else value
        return result
    if isinstance(live, list) and isinstance(applied, list):
        if shape.is_set():
            return live + [each for each in applied if each not in live]
        before, after = _keyed(live, shape), _keyed(applied, shape)
        if before is not None and after is not None:
            items = dict(before)
            for element, item in after:
                items[element] = merge(items[element], item, shape.item()) if element in items else item
            return list(items.values())
    return applied


def remove(obj: Object, path: Path, shape: Shape) -> None:
    """Take one path out of `obj`, in place, and what is empty after it."""
    element = path[0]
    name = element[2:]
    if name not in obj:
        return
    inner, at = obj[name], shape.field(name)
    if len(path) == 1:
        del obj[name]
        return
    if isinstance(inner, dict):
        remove(inner, path[1:], at)
    elif isinstance(inner, list):
        _remove_from_list(inner, path[1:], at)
    if inner in ({}, []):
        del obj[name]


def _remove_from_list(items: list[Any], path: Path, shape: Shape) -> None:
    if path[0].startswith("v:"):
        member = json.loads(path[0][2:])
        items[:] = [each for each in items if each != member]
        return
    for element, item in _keyed(items, shape) or []:
        if element == path[0]:
            if path[1:] == (ITSELF,):
                items[:] = [each for each in items if each is not item]
            else:
                remove(item, path[1:], shape.item())
            return


def is_key(path: Path) -> bool:
    """Whether a path is a field by which its item is told apart: it goes with the item only."""
    return len(path) > 1 and path[-2].startswith("k:") and path[-1][2:] in json.loads(path[-2][2:])


def encode(paths: Iterable[Path]) -> Object:
    """As `fieldsV1`."""
    tree: Object = {}
    for path in sorted(paths):
        place = tree
        for element in path:
            place = place.setdefault(element, {})
    return tree


def decode(tree: Object) -> set[Path]:
    """From `fieldsV1`."""
    return set(_decode(tree, ()))


def _decode(tree: Object, path: Path) -> Iterator[Path]:
    if not tree and path:
        yield path
    for element, inner in tree.items():
        yield from _decode(inner, (*path, element))


def shown(path: Path) -> str:
    """As messages name a path: `.spec.containers[name="etcd"].image`."""
    text = ""
    for element in path:
        if element.startswith("f:"):
            text += f".{element[2:]}"
        elif element.startswith("k:"):
            text += "[" + ",".join(f"{k}={json.dumps(v)}" for k, v in json.loads(element[2:]).items()) + "]"
        elif element.startswith("v:"):
            text += f"[={element[2:]}]"
    return text
