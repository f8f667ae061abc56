"""Whether the destination's definitions know every field of the backup: an unknown one is dropped in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lifeboat.resources import CUSTOM_RESOURCE_DEFINITIONS, HOSTED_CLUSTERS, HOSTED_CONTROL_PLANES, NODE_POOLS
from lifeboat.restore.preflight.look import Look

_KINDS = (HOSTED_CLUSTERS, NODE_POOLS, HOSTED_CONTROL_PLANES)
_TOLD = 5


def problems(look: Look) -> Iterator[str]:
    """An older HyperShift prunes what it does not know, and reconciles what is left of the spec."""
    for kind in _KINDS:
        definition = look.cluster.get(CUSTOM_RESOURCE_DEFINITIONS, None, kind.crd)
        if definition is None:
            yield f"{kind.crd} is not installed there: install HyperShift"
            continue
        schema = _schema(definition, str(kind.version))
        for manifest in look.destination.manifests(kind):
            if schema and (unknown := list(_unknown(manifest["spec"], schema, "spec"))):
                more = f" and {len(unknown) - _TOLD} more" if len(unknown) > _TOLD else ""
                yield (
                    f"{kind.kind} {manifest['metadata']['name']} has fields that the definition there does not know "
                    f"({', '.join(unknown[:_TOLD])}{more}) and would drop: upgrade HyperShift there first"
                )


def _schema(definition: Mapping[str, Any], version: str) -> Mapping[str, Any] | None:
    for each in definition["spec"].get("versions") or ():
        if each["name"] == version:
            whole = (each.get("schema") or {}).get("openAPIV3Schema") or {}
            found: Mapping[str, Any] | None = (whole.get("properties") or {}).get("spec")
            return found
    return None


def _unknown(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    """Paths that pruning would drop: structural schemas, apiextensions.k8s.io/v1."""
    if isinstance(value, list):
        items = schema.get("items")
        for each in value if isinstance(items, dict) else ():
            yield from _unknown(each, items or {}, f"{path}[]")
        return
    if not isinstance(value, dict) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
    for name, inner in value.items():
        if name in properties:
            yield from _unknown(inner, properties[name], f"{path}.{name}")
        elif isinstance(others, dict):
            yield from _unknown(inner, others, f"{path}.{name}")
        elif not others and not schema.get("x-kubernetes-embedded-resource"):
            yield f"{path}.{name}"
