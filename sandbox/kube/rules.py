"""What the built-in kinds require, and what of them cannot change (validation of kubernetes' pkg/apis)."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sandbox.kube import schema
from sandbox.kube.errors import FieldError

if TYPE_CHECKING:
    from sandbox.kube.kinds import Kind
    from sandbox.kube.store import Object

_Rule = Callable[["Object", "Object | None"], Iterator[FieldError]]
_MAX_DATA = 1024 * 1024  # bytes, of a Secret and of a ConfigMap
_KEY = re.compile(r"^[-._a-zA-Z0-9]+$")


def problems(kind: Kind, new: Object, old: Object | None) -> Iterator[FieldError]:
    """What is wrong with `new` beyond its metadata; `old` is the stored object, None on create."""
    if kind.schema:
        yield from schema.problems(kind.schema, new, old)
    if kind.custom and kind.scale:
        yield from _replicas(new)
    if rule := _RULES.get(kind.resource):
        yield from rule(new, old)


def _replicas(new: Object) -> Iterator[FieldError]:
    spec = new.get("spec")
    replicas = spec.get("replicas") if isinstance(spec, dict) else None
    if isinstance(replicas, int) and replicas < 0:
        yield FieldError.invalid(".spec.replicas", replicas, "should be a non-negative integer")


def _immutable(new: Any, old: Any, path: str) -> Iterator[FieldError]:
    """`path` with dots, under the object; what was absent and is absent is unchanged."""
    before, after = old, new
    for step in path.split("."):
        before = (before or {}).get(step)
        after = (after or {}).get(step)
    if before != after:
        yield FieldError.invalid(path, after if after is not None else "", "field is immutable")


def _size(text: str, *, encoded: bool) -> int:
    """Bytes of a value, those behind base64 when `encoded`."""
    return len(text) * 3 // 4 - text.count("=", -2) if encoded else len(text.encode())


def _data(new: Object, old: Object | None) -> Iterator[FieldError]:
    for field in ("data", "binaryData"):
        for key in new.get(field) or {}:
            if not _KEY.match(key):
                yield FieldError.invalid(f"{field}[{key}]", key, "a valid config key must consist of alphanumeric "
                                         "characters, '-', '_' or '.'")  # fmt: skip
    encoded = new["kind"] == "Secret"
    size = sum(_size(value, encoded=encoded) for value in (new.get("data") or {}).values())
    size += sum(_size(value, encoded=True) for value in (new.get("binaryData") or {}).values())
    if size > _MAX_DATA:
        yield FieldError("data", "FieldValueTooLong", f"Too long: may not be more than {_MAX_DATA} bytes")
    if old is not None and old.get("immutable"):
        if not new.get("immutable"):
            yield FieldError.forbidden("immutable", "field is immutable when `immutable` is set")
        for field in ("data", "binaryData"):
            if new.get(field) != old.get(field):
                yield FieldError.forbidden(field, "field is immutable when `immutable` is set")


def _secret(new: Object, old: Object | None) -> Iterator[FieldError]:
    yield from _data(new, old)
    if old is not None:
        yield from _immutable(new, old, "type")
    elif new.get("type") == "kubernetes.io/dockerconfigjson" and ".dockerconfigjson" not in (new.get("data") or {}):
        yield FieldError.required("data[.dockerconfigjson]")
    elif new.get("type") == "kubernetes.io/tls":
        for key in ("tls.crt", "tls.key"):
            if key not in (new.get("data") or {}):
                yield FieldError.required(f"data[{key}]")


def _pod_spec(spec: Object, path: str) -> Iterator[FieldError]:
    if not spec.get("containers"):
        yield FieldError.required(f"{path}.containers")
    volumes = {volume.get("name") for volume in spec.get("volumes") or []}
    for group in ("containers", "initContainers"):
        names = set()
        for index, container in enumerate(spec.get(group) or []):
            at = f"{path}.{group}[{index}]"
            if not container.get("name"):
                yield FieldError.required(f"{at}.name")
            elif container["name"] in names:
                text = f'Duplicate value: "{container["name"]}"'
                yield FieldError(f"{at}.name", "FieldValueDuplicate", text)
            names.add(container.get("name"))
            for place, mount in enumerate(container.get("volumeMounts") or []):
                if mount.get("name") not in volumes:
                    text = f'Not found: "{mount.get("name")}"'
                    yield FieldError(f"{at}.volumeMounts[{place}].name", "FieldValueNotFound", text)


def _pod(new: Object, old: Object | None) -> Iterator[FieldError]:
    if old is None:
        yield from _pod_spec(new["spec"], "spec")
        for index, container in enumerate(new["spec"].get("containers") or []):
            if not container.get("image"):
                yield FieldError.required(f"spec.containers[{index}].image")
        return
    if _fixed_pod_spec(new["spec"]) != _fixed_pod_spec(old["spec"]):
        yield FieldError.forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
            "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously "
            "negative)",
        )


def _fixed_pod_spec(spec: Object) -> Object:
    fixed = {key: value for key, value in spec.items() if key not in ("activeDeadlineSeconds", "tolerations")}
    for group in ("containers", "initContainers"):
        fixed[group] = [{**each, "image": ""} for each in fixed.get(group) or []]
    return fixed


def _template(new: Object, old: Object | None) -> Iterator[FieldError]:
    spec = new["spec"]
    wanted = (spec.get("selector") or {}).get("matchLabels") or {}
    if not spec.get("selector"):
        yield FieldError.required("spec.selector")
    else:
        labels = spec["template"]["metadata"].get("labels") or {}
        if any(labels.get(key) != value for key, value in wanted.items()):
            yield FieldError.invalid(
                "spec.template.metadata.labels", labels, "`selector` does not match template `labels`"
            )
    replicas = spec.get("replicas")
    if isinstance(replicas, int) and replicas < 0:
        yield FieldError.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
    # A StatefulSet's claims become volumes of its pods, though no volume of the template names them.
    claims = [{"name": claim["metadata"]["name"]} for claim in spec.get("volumeClaimTemplates") or []]
    pod_spec = spec["template"]["spec"]
    yield from _pod_spec({**pod_spec, "volumes": [*(pod_spec.get("volumes") or []), *claims]}, "spec.template.spec")
    if old is not None and new["spec"].get("selector") != old["spec"].get("selector"):
        yield FieldError.invalid("spec.selector", {}, "field is immutable")


_STATEFUL_SET_MUTABLE = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip


def _stateful_set(new: Object, old: Object | None) -> Iterator[FieldError]:
    yield from _template(new, None)
    if old is None:
        return
    before, after = (
        {key: value for key, value in each["spec"].items() if key not in _STATEFUL_SET_MUTABLE} for each in (old, new)
    )
    if before != after:
        listed = ", ".join(f"'{each}'" for each in _STATEFUL_SET_MUTABLE[:-1]) + f" and '{_STATEFUL_SET_MUTABLE[-1]}'"
        yield FieldError.forbidden("spec", f"updates to statefulset spec for fields other than {listed} are forbidden")


def _job(new: Object, old: Object | None) -> Iterator[FieldError]:
    yield from _pod_spec(new["spec"]["template"]["spec"], "spec.template.spec")
    policy = new["spec"]["template"]["spec"].get("restartPolicy")
    if policy not in ("OnFailure", "Never"):
        yield FieldError.required("spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')
    if old is not None:
        for field in ("selector", "completions", "completionMode", "template"):
            yield from _immutable(new, old, f"spec.{field}")


def _claim(new: Object, old: Object | None) -> Iterator[FieldError]:
    spec = new["spec"]
    if old is None:
        if not spec.get("accessModes"):
            yield FieldError.required("spec.accessModes", "at least 1 access mode is required")
        if not ((spec.get("resources") or {}).get("requests") or {}).get("storage"):
            yield FieldError.required("spec.resources[storage]")
        return
    before, after = copy.deepcopy(old["spec"]), copy.deepcopy(spec)
    for each in (before, after):
        each.get("resources", {}).pop("requests", None)
        each.pop("volumeAttributesClassName", None)
        if not old["spec"].get("volumeName"):
            each.pop("volumeName", None)
            each.pop("storageClassName", None)
    if before != after:
        yield FieldError.forbidden("spec", "spec is immutable after creation except resources.requests and "
                                   "volumeAttributesClassName for bound claims")  # fmt: skip


def _volume(new: Object, old: Object | None) -> Iterator[FieldError]:
    if not (new["spec"].get("capacity") or {}).get("storage"):
        yield FieldError.required("spec.capacity")
    if not new["spec"].get("accessModes"):
        yield FieldError.required("spec.accessModes")
    if old is not None:
        for source in ("csi", "hostPath", "local", "awsElasticBlockStore"):
            if new["spec"].get(source) != old["spec"].get(source):
                yield FieldError.forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable "
                                           "after creation")  # fmt: skip


def _service(new: Object, old: Object | None) -> Iterator[FieldError]:
    spec = new["spec"]
    if spec["type"] != "ExternalName" and spec.get("clusterIP") != "None" and not spec.get("ports"):
        yield FieldError.required("spec.ports")
    if old is not None and spec["type"] == old["spec"]["type"] != "ExternalName":
        for index, (before, after) in enumerate(zip(old["spec"]["clusterIPs"], spec["clusterIPs"], strict=False)):
            if before != after:
                yield FieldError.invalid(f"spec.clusterIPs[{index}]", spec["clusterIPs"], "may not change once set")


def _binding(new: Object, old: Object | None) -> Iterator[FieldError]:
    if not (new.get("roleRef") or {}).get("name"):
        yield FieldError.required("roleRef.name")
    if old is not None and new.get("roleRef") != old.get("roleRef"):
        yield FieldError.invalid("roleRef", {}, "cannot change roleRef")


def _storage_class(new: Object, old: Object | None) -> Iterator[FieldError]:
    if not new.get("provisioner"):
        yield FieldError.required("provisioner")
    if old is not None:
        for field in ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"):
            if new.get(field) != old.get(field):
                yield FieldError.forbidden(field, "updates to " + field + " are forbidden.")


_RULES: dict[str, _Rule] = {
    "configmaps": _data,
    "secrets": _secret,
    "pods": _pod,
    "deployments.apps": _template,
    "replicasets.apps": _template,
    "statefulsets.apps": _stateful_set,
    "jobs.batch": _job,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "services": _service,
    "rolebindings.rbac.authorization.k8s.io": _binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _binding,
    "storageclasses.storage.k8s.io": _storage_class,
}
