"""What one field's value is in the other version."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_UNIT_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_TERM = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_DURATION = re.compile(rf"(?:{_TERM.pattern})+")

SERVED = {"infrastructure.cluster.x-k8s.io": "v1beta2", "hypershift.openshift.io": "v1beta1"}
"""By group: the version that a v1beta1 reference names (the operator looks it up in the CRDs' contract labels)."""


class ConversionError(Exception):
    """An object that cannot be converted."""


@dataclass(frozen=True)
class Codec:
    """`up` makes the v1beta2 value (None: it says nothing there); `down(value, namespace)` the v1beta1 one."""

    up: Callable[[Any], Any]
    down: Callable[[Any, str], Any]


def seconds(duration: str) -> int:
    """Whole seconds of a Go duration such as `8m0s`."""
    if duration in ("0", ""):
        return 0
    if not _DURATION.fullmatch(duration):
        raise ConversionError(f"{duration!r} is not a duration")
    return round(sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _TERM.findall(duration)))


def duration(total: int) -> str:
    """As Go writes it: `1h0m0s`, `8m0s`, `45s`."""
    hours, rest = divmod(total, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{left}s"
    return f"{minutes}m{left}s" if minutes else f"{left}s"


def _local(reference: dict[str, Any]) -> dict[str, Any] | None:
    if not reference.get("name"):
        return None
    group = str(reference.get("apiVersion", "")).rpartition("/")[0]
    return {"apiGroup": group, "kind": reference.get("kind", ""), "name": reference["name"]}


def _anywhere(reference: dict[str, Any], namespace: str) -> dict[str, Any]:
    group = reference["apiGroup"]
    if group not in SERVED:
        raise ConversionError(f"no version of {reference['kind']}.{group} is known")
    version = f"{group}/{SERVED[group]}"
    return {"apiVersion": version, "kind": reference["kind"], "name": reference["name"], "namespace": namespace}


def _conditions_up(conditions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"type": each["type"], "status": each["status"], "timeoutSeconds": seconds(each["timeout"])}
        for each in conditions
    ]


def _conditions_down(conditions: list[dict[str, Any]], _: str) -> list[dict[str, Any]]:
    return [
        {"type": each["type"], "status": each["status"], "timeout": duration(each.get("timeoutSeconds") or 0)}
        for each in conditions
    ]


def _domains_up(domains: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": name, **domains[name]} for name in sorted(domains)]


def _domains_down(domains: list[dict[str, Any]], _: str) -> dict[str, Any]:
    return {each["name"]: {key: value for key, value in each.items() if key != "name"} for each in domains}


def _same(value: Any, _: str) -> Any:
    return value


SAME = Codec(lambda value: value, _same)
ONLY_TRUE = Codec(lambda value: value or None, _same)
"""A bool that v1beta1 cannot leave unsaid: its `false` says nothing in v1beta2."""

NOT_ZERO = ONLY_TRUE
SECONDS = Codec(seconds, lambda value, _: duration(value))
REFERENCE = Codec(_local, _anywhere)
NODE = Codec(
    lambda node: {"name": node["name"]} if node.get("name") else None,
    lambda node, _: {"apiVersion": "v1", "kind": "Node", "name": node["name"]},
)
TEMPLATE = Codec(
    lambda reference: {field: reference[field] for field in ("apiVersion", "kind", "name")},
    lambda reference, namespace: {**reference, "namespace": namespace},
)
UNHEALTHY = Codec(_conditions_up, _conditions_down)
FAILURE_DOMAINS = Codec(_domains_up, _domains_down)
