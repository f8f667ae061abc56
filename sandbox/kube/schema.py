"""The part of structural schemas that this server checks for custom kinds, in the API server's words.

Known: type, required, nullable, properties, items, enum, pattern, minLength, maxLength, maxItems, minItems, default,
and of `x-kubernetes-validations` the two rules that compare with the old object: `self == oldSelf` and
`has(self.F) == has(oldSelf.F)`. Other rules are not evaluated, and unknown fields are not pruned.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

from sandbox.kube.errors import FieldError

Schema = dict[str, Any]

_PRESENCE = re.compile(r"^has\(self\.(\w+)\) == has\(oldSelf\.\1\)$")
_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
}


def fill_defaults(schema: Schema, value: Any) -> None:
    """Set absent fields that have a default where their parent is there, in place; drop nulls that may not be."""
    if isinstance(value, dict):
        for name, inner in (schema.get("properties") or {}).items():
            if value.get(name, ...) is None and not inner.get("nullable"):
                del value[name]
            if name not in value and "default" in inner:
                value[name] = copy.deepcopy(inner["default"])
            if name in value:
                fill_defaults(inner, value[name])
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for item in value:
            fill_defaults(schema["items"], item)


def problems(schema: Schema, new: Any, old: Any, path: str = "") -> Iterator[FieldError]:
    """What is wrong with `new`; `old` is the same place in the stored object, None on create."""
    if new is None:
        if not schema.get("nullable") and "type" in schema:
            yield FieldError(path, "FieldValueTypeInvalid", f'Invalid value: "null": {path} in body must be of type '
                             f'{schema["type"]}: "null"')  # fmt: skip
        return
    wanted = schema.get("type")
    if wanted and not _TYPES[wanted](new):
        shown = next(name for name, holds in _TYPES.items() if holds(new))
        text = f'Invalid value: "{shown}": {path} in body must be of type {wanted}: "{shown}"'
        yield FieldError(path, "FieldValueTypeInvalid", text)
        return
    yield from _limits(schema, new, path)
    yield from _transitions(schema, new, old, path)
    yield from _inner(schema, new, old, path)


def _inner(schema: Schema, new: Any, old: Any, path: str) -> Iterator[FieldError]:
    if isinstance(new, dict):
        for name in schema.get("required") or []:
            if name not in new:
                yield FieldError.required(_join(path, name))
        for name, inner in (schema.get("properties") or {}).items():
            if name in new:
                before = old.get(name) if isinstance(old, dict) else None
                yield from problems(inner, new[name], before, _join(path, name))
    elif isinstance(new, list) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(new):
            yield from problems(schema["items"], item, None, f"{path}[{index}]")


def _limits(schema: Schema, new: Any, path: str) -> Iterator[FieldError]:
    if "enum" in schema and new not in schema["enum"]:
        supported = ", ".join(f'"{each}"' for each in schema["enum"])
        text = f'Unsupported value: "{new}": supported values: {supported}'
        yield FieldError(path, "FieldValueNotSupported", text)
    if isinstance(new, str):
        if len(new) > schema.get("maxLength", len(new)):
            text = f"Too long: may not be more than {schema['maxLength']} bytes"
            yield FieldError(path, "FieldValueTooLong", text)
        if len(new) < schema.get("minLength", 0):
            text = f"{path} in body should be at least {schema['minLength']} chars long"
            yield FieldError.invalid(path, new, text)
        if "pattern" in schema and not re.search(schema["pattern"], new):
            yield FieldError.invalid(path, new, f"{path} in body should match '{schema['pattern']}'")
    if isinstance(new, list):
        if len(new) > schema.get("maxItems", len(new)):
            text = f"Too many: {len(new)}: must have at most {schema['maxItems']} items"
            yield FieldError(path, "FieldValueTooMany", text)
        if len(new) < schema.get("minItems", 0):
            yield FieldError.invalid(path, len(new), f"{path} in body should have at least {schema['minItems']} items")


def _transitions(schema: Schema, new: Any, old: Any, path: str) -> Iterator[FieldError]:
    if old is None:
        return
    for validation in schema.get("x-kubernetes-validations") or []:
        rule = validation["rule"]
        presence = _PRESENCE.match(rule)
        broken = (rule == "self == oldSelf" and new != old) or (
            presence is not None and (presence[1] in new) != (presence[1] in old)
        )
        if broken:
            yield FieldError.invalid(path, new, validation.get("message") or f"failed rule: {rule}")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
