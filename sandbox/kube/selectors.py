"""Label and field selectors (apimachinery pkg/labels and pkg/fields, and the fields each kind allows)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.kube.errors import bad_request

if TYPE_CHECKING:
    from sandbox.kube.kinds import Kind
    from sandbox.kube.store import Object

Matcher = Callable[["Object"], bool]

_SET = re.compile(r"^\s*(?P<key>[^\s!=,()]+)\s+(?P<op>in|notin)\s*\((?P<values>[^)]*)\)\s*$")
_EQUAL = re.compile(r"^\s*(?P<key>[^\s!=,()]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s=!,()]*)\s*$")
_EXISTS = re.compile(r"^\s*(?P<no>!?)\s*(?P<key>[^\s!=,()]+)\s*$")

_COMMON = ("metadata.name", "metadata.namespace")
_FIELDS: dict[str, tuple[str, ...]] = {
    "pods": ("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase",
             "status.podIP", "status.nominatedNodeName", "spec.hostNetwork"),
    "events": ("involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
               "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
               "reportingComponent", "source", "type"),
    "secrets": ("type",),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "services": ("spec.clusterIP", "spec.type"),
    "jobs.batch": ("status.successful",),
    "replicasets.apps": ("status.replicas",),
}  # fmt: skip


def labels(text: str) -> Matcher | None:
    """A matcher for `labelSelector`; None when it selects everything."""
    requirements = [_requirement(part) for part in re.split(r",(?![^(]*\))", text) if part.strip()]
    if not requirements:
        return None

    def matches(obj: Object) -> bool:
        found = obj["metadata"].get("labels") or {}
        return all(each(found) for each in requirements)

    return matches


def _requirement(part: str) -> Callable[[dict[str, str]], bool]:
    if match := _SET.match(part):
        key, values = match["key"], {value.strip() for value in match["values"].split(",")}
        if match["op"] == "in":
            return lambda found: found.get(key) in values
        return lambda found: key not in found or found[key] not in values
    if match := _EQUAL.match(part):
        key, value = match["key"], match["value"]
        if match["op"] == "!=":
            return lambda found: found.get(key) != value
        return lambda found: found.get(key) == value
    if match := _EXISTS.match(part):
        key = match["key"]
        return (lambda found: key not in found) if match["no"] else (lambda found: key in found)
    msg = f'unable to parse requirement: found "{part.strip()}"'
    raise bad_request(msg)


def fields(text: str, kind: Kind) -> Matcher | None:
    """A matcher for `fieldSelector`; a field that the kind does not index is a bad request, as in the real server."""
    terms: list[tuple[str, bool, str]] = []
    for part in text.split(","):
        if not part.strip():
            continue
        match = _EQUAL.match(part)
        if not match:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        if match["key"] not in _COMMON + _FIELDS.get(kind.resource, ()):
            raise bad_request(f"field label not supported: {match['key']}")
        terms.append((match["key"], match["op"] != "!=", match["value"]))
    if not terms:
        return None
    return lambda obj: all((_field(obj, path) == value) == equal for path, equal, value in terms)


def _field(obj: Object, path: str) -> str:
    value: Any = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, dict):  # events: `source` means source.component
        value = value.get("component")
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def both(first: Matcher | None, second: Matcher | None) -> Matcher | None:
    """A matcher for what both let through."""
    if first is None or second is None:
        return first or second
    return lambda obj: first(obj) and second(obj)


def only_name(query: Mapping[str, str]) -> str | None:
    """The name of the only object that a field selector lets through; rules may name that."""
    match = re.fullmatch(r"metadata\.name==?([^,!=]+)", query.get("fieldSelector") or "")
    return match[1] if match else None
