"""CloudFormation's functions: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any


class TemplateError(ValueError):
    """The template says something that this applier does not understand, or that CloudFormation would refuse."""


NO_VALUE = object()
"""What `!Ref AWS::NoValue` becomes: the property that holds it is left out."""


class Scope:
    """What names in a template mean.

    `values` are parameters and pseudo parameters, `references` and `attributes` what was created so far.
    """

    def __init__(self, template: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        self._mappings: Mapping[str, Any] = template.get("Mappings", {})
        self._conditions: Mapping[str, Any] = template.get("Conditions", {})
        self.values = dict(values)
        self.references: dict[str, Any] = {}
        self.attributes: dict[str, Mapping[str, Any]] = {}

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template is true."""
        if condition not in self._conditions:
            raise TemplateError(f"no condition {condition}")
        return bool(self.resolve(self._conditions[condition]))

    def resolve(self, value: Any) -> Any:
        """`value` with every function in it replaced by its result."""
        if isinstance(value, dict):
            if len(value) == 1:
                name, argument = next(iter(value.items()))
                if name == "Condition" and isinstance(argument, str):
                    return self.holds(argument)
                if name in _FUNCTIONS:
                    return _FUNCTIONS[name](self, argument)
                if name.startswith("Fn::"):
                    raise TemplateError(f"{name} is not supported")
            resolved = {key: self.resolve(each) for key, each in value.items()}
            return {key: each for key, each in resolved.items() if each is not NO_VALUE}
        if isinstance(value, list):
            return [each for each in map(self.resolve, value) if each is not NO_VALUE]
        return value

    def ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        for known in (self.values, self.references):
            if name in known:
                return known[name]
        raise TemplateError(f"Ref to unknown {name}")

    def attribute(self, resource: str, attribute: str) -> Any:
        try:
            return self.attributes[resource][attribute]
        except KeyError:
            raise TemplateError(f"{resource} has no attribute {attribute}") from None

    def find_in_map(self, argument: list[Any]) -> Any:
        found: Any = self._mappings
        for key in self.resolve(argument):
            if key not in found:
                raise TemplateError(f"Fn::FindInMap {argument}: no {key}")
            found = found[key]
        return found

    def substitute(self, argument: Any) -> str:
        text, local = (argument, {}) if isinstance(argument, str) else (argument[0], self.resolve(argument[1]))

        def value_of(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in local:
                return str(local[name])
            if "." in name:
                return str(self.attribute(*name.split(".", 1)))
            return str(self.ref(name))

        return re.sub(r"\$\{([^}]+)\}", value_of, text)


def _if(scope: Scope, argument: list[Any]) -> Any:
    return scope.resolve(argument[1] if scope.holds(argument[0]) else argument[2])


def _join(scope: Scope, argument: list[Any]) -> str:
    return str(argument[0]).join(str(each) for each in scope.resolve(argument[1]))


def _get_attribute(scope: Scope, argument: Any) -> Any:
    resource, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    return scope.attribute(resource, scope.resolve(attribute))


def _equals(scope: Scope, argument: list[Any]) -> bool:
    left, right = scope.resolve(argument)
    return str(left) == str(right)


def _select(scope: Scope, argument: list[Any]) -> Any:
    index, options = scope.resolve(argument)
    return options[int(index)]


def _split(scope: Scope, argument: list[Any]) -> list[str]:
    separator, text = scope.resolve(argument)
    return str(text).split(separator)


_FUNCTIONS: dict[str, Callable[[Scope, Any], Any]] = {
    "Ref": Scope.ref,
    "Fn::GetAtt": _get_attribute,
    "Fn::Sub": Scope.substitute,
    "Fn::Join": _join,
    "Fn::If": _if,
    "Fn::Equals": _equals,
    "Fn::Not": lambda scope, argument: not scope.resolve(argument[0]),
    "Fn::And": lambda scope, argument: all(scope.resolve(argument)),
    "Fn::Or": lambda scope, argument: any(scope.resolve(argument)),
    "Fn::FindInMap": Scope.find_in_map,
    "Fn::Select": _select,
    "Fn::Split": _split,
}


def names_in(value: Any) -> Iterator[str]:
    """The names of everything that `value` refers to: parameters and resources alike."""
    if isinstance(value, list):
        for each in value:
            yield from names_in(each)
    if not isinstance(value, dict):
        return
    for name, argument in value.items():
        if name == "Ref" and isinstance(argument, str):
            yield argument
        elif name == "Fn::GetAtt":
            yield argument.split(".", 1)[0] if isinstance(argument, str) else argument[0]
        elif name == "Fn::Sub":
            text, local = (argument, {}) if isinstance(argument, str) else argument
            yield from names_in(local)
            for each in re.findall(r"\$\{([^!}][^}]*)\}", text):
                if each not in local:
                    yield each.split(".", 1)[0]
        else:
            yield from names_in(argument)
