"""Rules in CEL: compiled once, evaluated by the library, with the functions that Kubernetes adds to the language.

What the library or this module does not know makes a rule unevaluated: it is told once in the log and by
`python -m sandbox.crds`, and never held against an object.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import cel

from sandbox.kube import celfunctions

_log = logging.getLogger(__name__)
_TEXT = re.compile(r"""r?"(?:\\.|[^"\\])*"|r?'(?:\\.|[^'\\])*'""")
_CALL = re.compile(r"(?<![\w.])(\w+(?:\.\w+)*)\s*\(|\.(\w+)\s*\(")
_OPTIONAL = re.compile(r"(\w+(?:\.\w+)*)\.\?(\w+(?:\.\w+)*?)\.orValue\(([^()]*)\)")
_SELF = re.compile(r"\b(?:self|oldSelf)\b(?:\.(\w+)(\s*\()?)?")
_REFLEXIVE = re.compile(r"^([^?]*\|\| )?self == oldSelf$")
_OF_THE_LIBRARY = {
    "has", "all", "exists", "exists_one", "map", "filter", "size", "contains", "startsWith", "endsWith", "matches",
    "int", "uint", "double", "string", "bytes", "duration", "timestamp", "type", "dyn", "getSeconds",
    "getMinutes", "getHours", "getMilliseconds", "getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek",
    "getDayOfYear",
}  # fmt: skip
_WORDS = {"in"}  # followed by a parenthesis they are no functions


class UnevaluatedError(Exception):
    """An expression that is beyond the library."""


@dataclass(frozen=True)
class Expression:
    """A compiled expression over `self` and `oldSelf`.

    `transition` tells that it asks for the old state, `reflexive` that it is true where nothing changed, whatever
    that is. `functions` are those that the library has not got, `fields` those of `self` and `oldSelf` that it looks
    at, None for all.
    """

    program: cel.Program
    transition: bool
    reflexive: bool
    functions: frozenset[str]
    fields: frozenset[str] | None


class Scope:
    """What expressions see at one place. `old` is None where there is nothing to compare with."""

    def __init__(self, new: Any, old: Any) -> None:
        self._context = cel.Context()
        self._context.add_variable("self", new)
        self._context.add_variable("oldSelf", old)
        self._known: set[str] = set()

    def value(self, expression: Expression) -> Any:
        """Its value. Raises KeyError, TypeError, ValueError and the like for what CEL calls an error."""
        for name in expression.functions - self._known:  # adding all of them takes longer than most evaluations
            self._context.add_function(name, celfunctions.ALL[name])
            self._known.add(name)
        return expression.program.execute(self._context)


def compiled(text: str) -> Expression | None:
    """The expression, or None (and a line in the log, once) when it cannot be evaluated here."""
    try:
        return _compile(text)
    except UnevaluatedError as error:
        _tell_once(text, str(error))
        return None


@cache
def _tell_once(text: str, why: str) -> None:
    _log.warning("this rule is not evaluated (%s): %s", why, text)


@cache
def _compile(text: str) -> Expression:
    plain = _OPTIONAL.sub(_without_optional, text)
    bare = _TEXT.sub("''", plain)
    functions = set()
    for found in _CALL.finditer(bare):
        name = found[1] or found[2]
        last = name.rpartition(".")[2]
        namespaced = name != last and name.partition(".")[0] in ("cel", "optional", "sets", "math", "format", "base64")
        if namespaced or last not in _OF_THE_LIBRARY | celfunctions.ALL.keys() | _WORDS:
            raise UnevaluatedError(f"no function {name if namespaced else last}")
        functions.add(last)
    try:
        program = cel.compile(plain)
    except ValueError as error:
        raise UnevaluatedError(str(error).splitlines()[0]) from error
    return Expression(
        program,
        transition=bool(re.search(r"\boldSelf\b", bare)),
        reflexive=bool(_REFLEXIVE.match(bare)),
        functions=frozenset(functions & celfunctions.ALL.keys()),
        fields=_fields(bare),
    )


def _fields(bare: str) -> frozenset[str] | None:
    names = set()
    for found in _SELF.finditer(bare):
        if found[1] is None or found[2]:  # the whole object, or a method of it
            return None
        names.add(found[1])
    return frozenset(names)


def why_not(text: str) -> str | None:
    """Why an expression is not evaluated; None when it is."""
    try:
        _compile(text)
    except UnevaluatedError as error:
        return str(error)
    return None


def _without_optional(match: re.Match[str]) -> str:
    """`a.?b.c.orValue(d)`, which the library has no syntax for, as a choice."""
    base, steps, otherwise = match[1], match[2].split("."), match[3]
    paths = [f"{base}.{'.'.join(steps[: count + 1])}" for count in range(len(steps))]
    return f"({' && '.join(f'has({each})' for each in paths)} ? {paths[-1]} : {otherwise})"
