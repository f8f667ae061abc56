"""Values at dotted paths of an object."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

_MAY_BE_EMPTY = frozenset({"selector", "bootstrap"})  # required by v1beta2, even with nothing in them


def take(obj: Object, path: str) -> Any:
    """Remove and return what is at `path` (None: nothing), with the objects around it that are empty then."""
    step, _, rest = path.partition(".")
    if not rest:
        return obj.pop(step, None)
    inner = obj.get(step)
    if not isinstance(inner, dict):
        return None
    value = take(inner, rest)
    if value is not None and not inner:
        del obj[step]
    return value


def put(obj: Object, path: str, value: Any) -> None:
    """Set what is at `path`, unless it is None."""
    if value is None:
        return
    *around, last = path.split(".")
    for step in around:
        obj = obj.setdefault(step, {})
    obj[last] = value


def without_empty(new: Object) -> None:
    """Drop what v1beta2 does not say when there is nothing to say: empty objects, lists and texts of its spec."""
    if isinstance(new.get("spec"), dict):
        _drop(new["spec"])
    if new.get("status") == {}:
        del new["status"]


def _drop(obj: Object) -> None:
    for name, value in list(obj.items()):
        if name in _MAY_BE_EMPTY:
            continue
        if isinstance(value, dict):
            _drop(value)
        if value in ({}, [], "", None):
            del obj[name]
