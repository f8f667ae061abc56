"""Cluster API's objects between v1beta1 and v1beta2, as the operator's conversion webhook turns one into the other.

Where the two differ is told by `fields`; everything else is the same in both. Reading v1beta1 loses what only v1beta2
can say, so a v1beta1 object carries the whole v1beta2 one in an annotation, and `restored` takes from it what the
v1beta1 client did not touch. After sigs.k8s.io/cluster-api, api/core/v1beta1/conversion.go and util/conversion.
Cluster classes (`spec.topology`) are not converted: HyperShift has none.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from sandbox.hypershift.conversion.codecs import ConversionError
from sandbox.hypershift.conversion.fields import FIELDS, Field
from sandbox.hypershift.conversion.places import put, take, without_empty

__all__ = ["ANNOTATION", "ConversionError", "convert"]

Object = dict[str, Any]
GROUP = "cluster.x-k8s.io"
OLD, NEW = f"{GROUP}/v1beta1", f"{GROUP}/v1beta2"
ANNOTATION = f"{GROUP}/conversion-data"


def convert(obj: Object, desired: str) -> Object:
    """`obj` in the apiVersion `desired`; a new object. Raises ConversionError."""
    now = obj.get("apiVersion")
    if {now, desired} - {OLD, NEW} or obj.get("kind") not in FIELDS:
        raise ConversionError(f"no conversion of {obj.get('kind')} from {now} to {desired}")
    if "topology" in (obj.get("spec") or {}):
        raise ConversionError("spec.topology is not converted in the sandbox")
    if now == desired:
        return copy.deepcopy(obj)
    return _to_new(obj) if desired == NEW else _to_old(obj)


def _to_old(obj: Object) -> Object:
    old = _down(obj)
    metadata = old["metadata"]
    data = {part: obj[part] for part in ("spec", "status") if part in obj}
    annotations = {**(metadata.get("annotations") or {}), ANNOTATION: json.dumps(data, separators=(",", ":"))}
    return {**old, "metadata": {**metadata, "annotations": annotations}}


def _to_new(obj: Object) -> Object:
    new = _up(obj)
    annotations = new["metadata"].get("annotations") or {}
    if (data := annotations.pop(ANNOTATION, None)) is None:
        return new
    if not annotations:
        del new["metadata"]["annotations"]
    try:
        parts = {"spec": {}, "status": {}, **json.loads(data)}
        before = {**new, "spec": parts["spec"], "status": parts["status"]}
    except (TypeError, ValueError) as error:
        raise ConversionError(f"annotation {ANNOTATION} cannot be read: {error}") from None
    known = _up(_down(before))
    for part in ("spec", "status"):
        merged = restored(new.get(part, {}), known.get(part, {}), parts[part])
        new.pop(part, None)
        if merged:
            new[part] = merged
    return new


def restored(now: Any, known: Any, before: Any) -> Any:
    """`before`, changed where `now` differs from `known`, which is all of `before` that the other version can say."""
    if now == known:
        return copy.deepcopy(before)
    if not all(isinstance(each, dict) for each in (now, known, before)):
        return now
    merged = {}
    absent = object()
    for name in {**before, **now}:
        value = restored(now.get(name, absent), known.get(name, absent), before.get(name, absent))
        if value is not absent and (value != {} or name in now):
            merged[name] = value
    return merged


def _up(obj: Object) -> Object:
    new = copy.deepcopy(obj)
    new["apiVersion"] = NEW
    found = [(field, take(new, field.old)) for field in FIELDS[obj["kind"]] if field.old]
    for field, value in found:
        if value is not None and field.new:
            put(new, field.new, field.codec.up(value))
    without_empty(new)
    return new


def _down(obj: Object) -> Object:
    old = copy.deepcopy(obj)
    old["apiVersion"] = OLD
    found = [(field, take(old, field.new)) for field in FIELDS[obj["kind"]] if field.new]
    for field, value in found:
        if not field.old:
            continue
        if value is not None:
            put(old, field.old, field.codec.down(value, obj["metadata"].get("namespace", "")))
        elif field.always is not None and _part_of(field) in obj:
            put(old, field.old, field.always)
    return old


def _part_of(field: Field) -> str:
    return (field.old or "").partition(".")[0]
