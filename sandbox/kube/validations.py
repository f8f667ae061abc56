"""`x-kubernetes-validations`: which rules of a schema are asked about which place of an object, and their verdict.

As in the real server: a rule about the old state is asked only where there is one to compare with, which in lists is
the case for those that are maps; and a rule about the new state alone is not held against what did not change.
"""

from __future__ import annotations

import datetime
import logging
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from sandbox.kube import expressions, listtypes
from sandbox.kube.errors import FieldError
from sandbox.kube.structural import Schema, property_of, same

_log = logging.getLogger(__name__)
_RESERVED = {
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
    "loop", "package", "namespace", "return", "var", "void", "while",
}  # fmt: skip
_ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))


def asks(schema: Schema) -> bool:
    """Whether a schema has rules at all."""
    inner = [schema.get("items"), schema.get("additionalProperties"), *(schema.get("allOf") or ())]
    inner += (schema.get("properties") or {}).values()
    return bool(schema.get("x-kubernetes-validations")) or any(isinstance(each, dict) and asks(each) for each in inner)


def problems(schema: Schema, new: Any, old: Any, path: str = "", *, unchanged: bool = False) -> Iterator[FieldError]:
    """Rules that an object breaks; `old` is the same place in the stored object, None without one to compare with.

    `unchanged` tells that a place around this one is as it was.
    """
    if new is None:
        return
    unchanged = unchanged or (old is not None and same(new, old))
    if schema.get("x-kubernetes-validations"):
        yield from _asked(schema, new, old, path, unchanged=unchanged)
    for each in schema.get("allOf") or ():
        yield from problems({"type": schema.get("type"), **each}, new, old, path)
    if isinstance(new, dict):
        comparable = isinstance(old, dict) and schema.get("x-kubernetes-map-type") != "atomic"
        for name, value in new.items():
            inner = property_of(schema, name)
            if inner:
                before = old.get(name) if comparable else None
                at = f"{path}.{name}" if path else name
                yield from problems(inner, value, before, at, unchanged=unchanged and before is None)
    elif isinstance(new, list) and isinstance(schema.get("items"), dict):
        before_of = listtypes.by_keys(schema, old)
        for index, item in enumerate(new):
            before = before_of(item)
            yield from problems(
                schema["items"], item, before, f"{path}[{index}]", unchanged=unchanged and before is None
            )


def _asked(schema: Schema, new: Any, old: Any, path: str, *, unchanged: bool) -> Iterator[FieldError]:
    asked = [
        (rule, expression)
        for rule in schema["x-kubernetes-validations"]
        if (expression := expressions.compiled(rule["rule"]))
        and not (old is None if expression.transition else unchanged)
        and not (unchanged and expression.reflexive)
    ]
    if not asked:
        return
    asking = [expression for _, expression in asked]
    for rule, _ in asked:
        if "messageExpression" in rule and (message := expressions.compiled(rule["messageExpression"])):
            asking.append(message)
    scope = _scope(schema, new, old, asking, unchanged=unchanged)
    for rule, expression in asked:
        try:
            holds = scope.value(expression)
        except Exception as error:
            _log.info("rule %s of %s: %s", rule["rule"], path, error)
            yield FieldError.invalid(path, _shown(new), f"{error} evaluating rule: {_message(rule)}")
            continue
        if holds is not True:
            yield _broken(rule, new, path, scope)


def _broken(rule: dict[str, Any], new: Any, path: str, scope: expressions.Scope) -> FieldError:
    text = rule.get("message", "").strip() or f"failed rule: {rule['rule'].strip()}"
    if "messageExpression" in rule and (expression := expressions.compiled(rule["messageExpression"])):
        try:
            text = str(scope.value(expression)).strip() or text
        except Exception as error:
            _log.info("messageExpression %s: %s", rule["messageExpression"], error)
    if "fieldPath" in rule:
        path = f"{path}{rule['fieldPath']}".lstrip(".")
    path = path or "<nil>"
    reason = rule.get("reason", "FieldValueInvalid")
    if reason == "FieldValueForbidden":
        return FieldError.forbidden(path, text)
    if reason == "FieldValueRequired":
        return FieldError.required(path, text)
    if reason == "FieldValueDuplicate":
        return FieldError(path, reason, f"Duplicate value: {_shown(new)}")
    if isinstance(new, (dict, list)):
        return FieldError(path, "FieldValueInvalid", f"Invalid value: {text}")
    return FieldError.invalid(path, new, text)


def _message(rule: dict[str, Any]) -> str:
    return str(rule.get("message") or rule["rule"]).strip()


def _shown(value: Any) -> Any:
    return "object" if isinstance(value, dict) else "array" if isinstance(value, list) else value


def _scope(
    schema: Schema, new: Any, old: Any, asking: list[expressions.Expression], *, unchanged: bool
) -> expressions.Scope:
    """Of an object only the fields that somebody asks for: to hand over a large one takes longer than most rules."""
    if isinstance(new, dict) and all(each.fields is not None for each in asking):
        wanted = {name for each in asking for name in each.fields or ()}
        new = {name: value for name, value in new.items() if _escaped(name) in wanted}
        if isinstance(old, dict):
            old = {name: value for name, value in old.items() if _escaped(name) in wanted}
    typed = _typed(schema, new)
    if old is None or unchanged:
        return expressions.Scope(typed, None if old is None else typed)
    return expressions.Scope(typed, _typed(schema, listtypes.in_order_of(schema, old, new)))


def _typed(schema: Schema, value: Any) -> Any:
    """A value as CEL sees it: field names escaped, numbers that may be fractions, times, durations and bytes."""
    if isinstance(value, dict):
        known = schema.get("properties") or {}
        return {
            (_escaped(name) if name in known else name): _typed(property_of(schema, name) or {}, inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        items = schema.get("items") or {}
        return [_typed(items, each) for each in value]
    if isinstance(value, bool) or schema.get("x-kubernetes-int-or-string"):
        return value
    if schema.get("type") == "number" and isinstance(value, int):
        return float(value)
    if isinstance(value, str) and "format" in schema:
        return _formatted(schema["format"], value)
    return value


@cache
def _escaped(name: str) -> str:
    if name in _RESERVED:
        return f"__{name}__"
    for plain, escape in _ESCAPES:
        name = name.replace(plain, escape)
    return name


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def _formatted(name: str, value: str) -> Any:
    if name in ("date-time", "date"):
        moment = datetime.datetime.fromisoformat(value.upper())
        return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    if name == "duration":
        parts = re.findall(r"([\d.]+)(h|ms|m|s|us|µs|ns)", value)
        sign = -1 if value.startswith("-") else 1
        return datetime.timedelta(seconds=sign * sum(float(count) * _UNITS[unit] for count, unit in parts))
    return value
