"""What StatefulSet, ReplicaSet and Job have in common: pods from a template, and the pods one owns."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from sandbox.client import PODS
from sandbox.objects import is_controlled_by, owner_reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.client import Client, Object, Objects
    from sandbox.informer import Key


def owned_pods(client: Client, owner: Object) -> Objects:
    """The pods that `owner` controls, read live: a cache would be behind one's own creates."""
    selector = (owner["spec"].get("selector") or {}).get("matchLabels") or {}
    wanted = ",".join(f"{name}={value}" for name, value in sorted(selector.items()))
    pods = client.list(PODS, owner["metadata"]["namespace"], labels=wanted or None)
    return [pod for pod in pods if is_controlled_by(pod, owner)]


def pod_from_template(owner: Object, name: str | None, template: Object, labels: Object | None = None) -> Object:
    """A pod for `owner`; without `name` the API generates one from the owner's."""
    template = copy.deepcopy(template)
    metadata = template.get("metadata") or {}
    pod_metadata: Object = {
        "namespace": owner["metadata"]["namespace"],
        "labels": {**(metadata.get("labels") or {}), **(labels or {})},
        "annotations": metadata.get("annotations") or {},
        "ownerReferences": [owner_reference(owner)],
    }
    if name is None:
        pod_metadata["generateName"] = owner["metadata"]["name"] + "-"
    else:
        pod_metadata["name"] = name
    return {"metadata": pod_metadata, "spec": template["spec"]}


def is_leaving(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def is_finished(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def owner_keys(kind: str) -> OwnerKeys:
    """For `Controller.watch`: the keys of the owners of that kind."""
    return OwnerKeys(kind)


class OwnerKeys:
    """Names the owners of one kind of an object."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __call__(self, obj: Object) -> Iterable[Key]:
        metadata = obj["metadata"]
        return [
            (metadata.get("namespace", ""), reference["name"])
            for reference in metadata.get("ownerReferences") or []
            if reference["kind"] == self._kind
        ]
