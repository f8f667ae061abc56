"""What is decided about a new object with a look at others: service accounts, definitions of kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.kube import errors
from sandbox.kube.metadata import now

if TYPE_CHECKING:
    from sandbox.kube.kinds import Kind
    from sandbox.kube.registry import Registry
    from sandbox.kube.store import Object


def on_create(registry: Registry, kind: Kind, namespace: str, obj: Object) -> None:
    """Complete or refuse a new object, in place."""
    if kind.resource == "pods":
        _service_account(registry, kind, namespace, obj)
    elif kind.resource == "customresourcedefinitions.apiextensions.k8s.io":
        _establish(obj)


def on_update(kind: Kind, obj: Object) -> None:
    """Complete a changed object, in place."""
    if kind.resource == "customresourcedefinitions.apiextensions.k8s.io":
        stored = obj.setdefault("status", {}).setdefault("storedVersions", [])
        stored += [
            each["name"] for each in obj["spec"]["versions"] if each.get("storage") and each["name"] not in stored
        ]


def _service_account(registry: Registry, kind: Kind, namespace: str, pod: Object) -> None:
    """The account must be there; its pull secrets become the pod's, unless the pod brings its own."""
    name = pod["spec"]["serviceAccountName"]
    account = registry.store.get("serviceaccounts", namespace, name)
    if account is None:
        why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
        raise errors.forbidden(kind, pod["metadata"]["name"], why)
    if account.object.get("imagePullSecrets") and not pod["spec"].get("imagePullSecrets"):
        pod["spec"]["imagePullSecrets"] = [dict(each) for each in account.object["imagePullSecrets"]]


def _establish(definition: Object) -> None:
    """Fill what the API server fills into a definition: its names, and the status by which clients wait for it."""
    names = definition["spec"]["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", names["kind"] + "List")
    definition["spec"].setdefault("conversion", {"strategy": "None"})
    storage = next(each["name"] for each in definition["spec"]["versions"] if each.get("storage"))
    conditions = [
        {"type": type_, "status": "True", "lastTransitionTime": now(), "reason": reason, "message": message}
        for type_, reason, message in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        )
    ]
    definition["status"] = {"acceptedNames": dict(names), "conditions": conditions, "storedVersions": [storage]}
