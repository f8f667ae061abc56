"""Creates the resources of a plain CloudFormation template, each after what it refers to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from sandbox.aws.cloudformation import compute, messaging, storage
from sandbox.aws.cloudformation.intrinsics import Scope, TemplateError, names_in
from sandbox.aws.cloudformation.resources import HANDLERS, Clients, Properties

_HANDLER_MODULES = (compute, messaging, storage)  # imported for their registrations


@dataclass(frozen=True)
class Applied:
    """`resources` maps logical ids to type and what `Ref` gives, in the order of creation."""

    outputs: Mapping[str, Any]
    resources: Mapping[str, tuple[str, Any]]


class ResourceFailedError(RuntimeError):
    """A resource could not be created; the message names it, the cause is AWS's."""


def apply(
    template: Mapping[str, Any], parameters: Mapping[str, Any], pseudo: Mapping[str, Any], clients: Clients
) -> Applied:
    """Create everything. What exists already is an error: this creates, it does not update.

    Raises TemplateError for what is not supported, before the first resource is created where that shows then.
    """
    scope = Scope(template, {**_defaults(template), **_typed(template, parameters), **pseudo})
    resources = {
        name: each
        for name, each in template.get("Resources", {}).items()
        if "Condition" not in each or scope.holds(each["Condition"])
    }
    unknown = sorted({each["Type"] for each in resources.values()} - set(HANDLERS))
    if unknown:
        raise TemplateError(f"resource types not supported: {', '.join(unknown)}")
    for name in _order(resources):
        resource = resources[name]
        _create(name, resource, scope, clients, str(pseudo["AWS::StackName"]))
    outputs = {
        name: scope.resolve(output["Value"])
        for name, output in template.get("Outputs", {}).items()
        if "Condition" not in output or scope.holds(output["Condition"])
    }
    return Applied(outputs, {name: (resources[name]["Type"], scope.references[name]) for name in scope.references})


def _create(name: str, resource: Mapping[str, Any], scope: Scope, clients: Clients, stack: str) -> None:
    properties = Properties(name, resource["Type"], scope.resolve(resource.get("Properties", {})), stack)
    try:
        created = HANDLERS[resource["Type"]](clients, properties)
    except (ClientError, ParamValidationError) as error:
        raise ResourceFailedError(f"{name} ({resource['Type']}): {error}") from error
    properties.finish()
    scope.references[name] = created.reference
    scope.attributes[name] = created.attributes


def _typed(template: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters come as text, and a Number among them is one where a property wants it."""
    declared = template.get("Parameters", {})
    numbers = {name for name, value in given.items() if isinstance(value, str) and value.isdigit()}
    return {
        name: int(value) if name in numbers and declared.get(name, {}).get("Type") == "Number" else value
        for name, value in given.items()
    }


def _defaults(template: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {}
    for name, parameter in template.get("Parameters", {}).items():
        if "Default" in parameter:
            value = parameter["Default"]
            listed = parameter.get("Type") in ("CommaDelimitedList", "List<String>", "List<Number>")
            defaults[name] = [each.strip() for each in str(value).split(",")] if listed else value
    return defaults


def _order(resources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, resource in resources.items():
        before = resource.get("DependsOn", [])
        needs = {before} if isinstance(before, str) else set(before)
        needs |= set(names_in(resource.get("Properties", {})))
        sorter.add(name, *(needs & set(resources)))
    try:
        return list(sorter.static_order())
    except CycleError as error:
        raise TemplateError(f"resources refer to each other in a circle: {error.args[1]}") from error
