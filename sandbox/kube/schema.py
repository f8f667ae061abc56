"""Validation of custom objects by their structural schema, in the API server's words.

Everything that a structural schema may say of values but `multipleOf`. What did not change in an update is not held
against it (ratcheting, as the real server does since 1.33). The rules in CEL are evaluated by `validations`, and only
when nothing is wrong here that makes them meaningless.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from sandbox.kube import formats, listtypes, structural, validations
from sandbox.kube.errors import FieldError
from sandbox.kube.structural import Schema, property_of, same

_log = logging.getLogger(__name__)
_BLOCKING = {
    "FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid",
}  # fmt: skip
NOWHERE = "<nil>"
"""The field of what the real server tells without one."""
_UNCHECKED = FieldError(
    NOWHERE,
    "FieldValueInvalid",
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation",
)
_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    ),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
}


def fill_defaults(schema: Schema, obj: dict[str, Any]) -> None:
    """Make an object what the schema makes of it before it is validated, in place."""
    for path in structural.coerce(schema, obj):
        _tell_once(f"{obj.get('apiVersion')} {obj.get('kind')}", re.sub(r"\d+", "*", path))


@cache
def _tell_once(kind: str, path: str) -> None:
    _log.warning("%s: unknown field %s is dropped", kind, path)


def problems(schema: Schema, new: Any, old: Any) -> list[FieldError]:
    """What is wrong with an object; `old` is the stored one, None on create."""
    found = list(_problems(schema, new, old, ""))
    if old is None or not any(listtypes.problems(schema, old)):
        found += listtypes.problems(schema, new)
    if any(each.reason in _BLOCKING for each in found):
        return [*found, _UNCHECKED] if validations.asks(schema) else found
    return found + list(validations.problems(schema, new, old))


def _problems(schema: Schema, new: Any, old: Any, path: str) -> Iterator[FieldError]:
    """`old` is the same place in the stored object, None where there is none to compare with."""
    if old is not None and same(new, old):
        return
    if new is None:
        if not schema.get("nullable") and (schema.get("type") or schema.get("x-kubernetes-int-or-string")):
            yield _wrong_type(schema, new, path)
        return
    if not _has_type(schema, new):
        yield _wrong_type(schema, new, path)
        yield from _choice(schema, new, path)
        yield from _combinations(schema, new, path)
        return
    yield from _choice(schema, new, path)
    yield from _limits(schema, new, path)
    yield from _combinations(schema, new, path)
    yield from _inner(schema, new, old, path)


def _inner(schema: Schema, new: Any, old: Any, path: str) -> Iterator[FieldError]:
    if isinstance(new, dict):
        for name in schema.get("required") or ():
            if name not in new:
                yield FieldError.required(_join(path, name))
        comparable = isinstance(old, dict) and schema.get("x-kubernetes-map-type") != "atomic"
        for name, value in new.items():
            inner = property_of(schema, name)
            if inner:
                yield from _problems(inner, value, old.get(name) if comparable else None, _join(path, name))
    elif isinstance(new, list) and isinstance(schema.get("items"), dict):
        before = listtypes.by_keys(schema, old)
        for index, item in enumerate(new):
            yield from _problems(schema["items"], item, before(item), f"{path}[{index}]")


def _choice(schema: Schema, new: Any, path: str) -> Iterator[FieldError]:
    if "enum" in schema and new not in schema["enum"]:
        supported = ", ".join(f'"{each}"' for each in schema["enum"])
        text = f"Unsupported value: {json.dumps(new)}: supported values: {supported}"
        yield FieldError(path, "FieldValueNotSupported", text)


def _limits(schema: Schema, new: Any, path: str) -> Iterator[FieldError]:
    if isinstance(new, str):
        yield from _text(schema, new, path)
    elif isinstance(new, bool):
        return
    elif isinstance(new, (int, float)):
        yield from _number(schema, new, path)
    elif isinstance(new, (list, dict)):
        yield from _size(schema, new, path)


def _text(schema: Schema, new: str, path: str) -> Iterator[FieldError]:
    """Of length and pattern only the first fault is told."""
    if len(new) > schema.get("maxLength", len(new)):
        text = f"Too long: may not be more than {schema['maxLength']} bytes"
        yield FieldError(path, "FieldValueTooLong", text)
    elif len(new) < schema.get("minLength", 0):
        text = f"{path} in body should be at least {schema['minLength']} chars long"
        yield FieldError.invalid(path, new, text)
    elif "pattern" in schema and not _pattern(schema["pattern"]).search(new):
        yield FieldError.invalid(path, new, f"{path} in body should match '{schema['pattern']}'")
    if "format" in schema and not formats.holds(schema["format"], new):
        text = f'Invalid value: "{new}": {path} in body must be of type {schema["format"]}: "{new}"'
        yield FieldError(path, "FieldValueTypeInvalid", text)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """Go's syntax where it differs: `$` is the end of the text, and classes are ASCII."""
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), re.ASCII)


def _number(schema: Schema, new: float, path: str) -> Iterator[FieldError]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and (new < low or (schema.get("exclusiveMinimum") and new == low)):
        word = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        yield FieldError.invalid(path, new, f"{path} in body should be {word} {low}")
    if high is not None and (new > high or (schema.get("exclusiveMaximum") and new == high)):
        word = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        yield FieldError.invalid(path, new, f"{path} in body should be {word} {high}")
    bits = {"int32": 31, "int64": 63}.get(schema.get("format", ""))
    if bits and not -(2**bits) <= new < 2**bits:
        text = f"Checked value must be of type integer with format {schema['format']} in {path}"
        yield FieldError.invalid(NOWHERE, "", text)


def _size(schema: Schema, new: list[Any] | dict[str, Any], path: str) -> Iterator[FieldError]:
    word, unit = ("Items", "items") if isinstance(new, list) else ("Properties", "properties")
    if len(new) > schema.get(f"max{word}", len(new)):
        text = f"Too many: {len(new)}: must have at most {schema[f'max{word}']} items"
        yield FieldError(path, "FieldValueTooMany", text)
    if len(new) < schema.get(f"min{word}", 0):
        text = f"{path} in body should have at least {schema[f'min{word}']} {unit}"
        yield FieldError.invalid(path, len(new), text)


def _combinations(schema: Schema, new: Any, path: str) -> Iterator[FieldError]:
    def fits(each: Schema) -> bool:
        return next(_problems(each, new, None, path), None) is None

    missed = [problem for each in schema.get("allOf") or () for problem in _problems(each, new, None, path)]
    yield from missed
    if missed:
        yield FieldError.invalid(NOWHERE, "", f'"{path}" must validate all the schemas (allOf)')
    if schema.get("anyOf") and not any(map(fits, schema["anyOf"])):
        yield FieldError.invalid(NOWHERE, "", f'"{path}" must validate at least one schema (anyOf)')
    if schema.get("oneOf") and (count := sum(map(fits, schema["oneOf"]))) != 1:
        how = f"Found {count} valid alternatives" if count else "Found none valid"
        yield FieldError.invalid(NOWHERE, "", f'"{path}" must validate one and only one schema (oneOf). {how}')
    if schema.get("not") and fits(schema["not"]):
        yield FieldError.invalid(NOWHERE, "", f'"{path}" must not validate the schema (not)')


def _has_type(schema: Schema, value: Any) -> bool:
    if schema.get("x-kubernetes-int-or-string"):
        return _TYPES["integer"](value) or _TYPES["string"](value)
    wanted = schema.get("type")
    return not wanted or _TYPES[wanted](value)


def _wrong_type(schema: Schema, value: Any, path: str) -> FieldError:
    wanted = "integer,string" if schema.get("x-kubernetes-int-or-string") else schema["type"]
    shown = next((name for name, holds in _TYPES.items() if holds(value)), "null")
    text = f'Invalid value: "{shown}": {path} in body must be of type {wanted}: "{shown}"'
    return FieldError(path, "FieldValueTypeInvalid", text)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
