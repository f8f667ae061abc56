"""The life of a namespace: what each has from the start, and its end, which waits for everything in it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from typing import TYPE_CHECKING

from sandbox.kube.deletion import DeleteOptions
from sandbox.kube.errors import ApiError
from sandbox.kube.metadata import now
from sandbox.kube.registry import Registry, WriteOptions

if TYPE_CHECKING:
    from sandbox.kube.kinds import Kind
    from sandbox.kube.store import Change, Object, Stored

RETRY_SECONDS = 0.5
ROOT_CA = "kube-root-ca.crt"
_OPTIONS = WriteOptions(manager="kube-controller-manager")
_log = logging.getLogger(__name__)


class NamespaceController:
    """Follows the table of namespaces; separable, as it acts on objects only."""

    def __init__(self, registry: Registry) -> None:
        self._registry, self._authority = registry, ""
        self._woken = asyncio.Event()
        registry.store.listeners.append(self._observe)

    def publish(self, authority: str) -> None:
        """Have this CA (PEM) in every namespace."""
        self._authority = authority

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            unfinished = False
            for stored in self._registry.store.list("namespaces"):
                try:
                    unfinished |= self._process(stored)
                except ApiError as error:
                    unfinished = True
                    if error.code not in (404, 409):
                        _log.warning("namespace %s: %s", stored.key[1], error)
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), RETRY_SECONDS if unfinished else None)

    def _observe(self, resource: str, change: Change) -> None:
        """Namespaces matter, and objects that leave one that is ending."""
        if resource == "namespaces":
            self._woken.set()
        elif change.type == "DELETED" and (namespace := change.stored.key[0]):
            home = self._registry.store.get("namespaces", "", namespace)
            ending = home is not None and home.object["metadata"].get("deletionTimestamp")
            if ending or resource in ("serviceaccounts", "configmaps"):
                self._woken.set()

    def _process(self, stored: Stored) -> bool:
        """True when there is more to do later."""
        name = stored.key[1]
        if stored.object["metadata"].get("deletionTimestamp"):
            return self._empty(name)
        if self._registry.store.get("serviceaccounts", name, "default") is None:
            kind = self._kind("serviceaccounts")
            self._registry.create(kind, name, {"metadata": {"name": "default"}}, _OPTIONS)
        if self._registry.store.get("configmaps", name, ROOT_CA) is None:
            body = {"metadata": {"name": ROOT_CA}, "data": {"ca.crt": self._authority}}
            self._registry.create(self._kind("configmaps"), name, body, _OPTIONS)
        return False

    def _empty(self, name: str) -> bool:
        remaining: Counter[str] = Counter()
        finalizers: Counter[str] = Counter()
        for kind in list(self._registry.kinds.stored()):
            if not kind.namespaced:
                continue
            for each in self._registry.store.list(kind.resource, name):
                meta = each.object["metadata"]
                if not meta.get("deletionTimestamp"):
                    self._registry.delete(kind, *each.key, DeleteOptions(propagation="Background"))
            for each in self._registry.store.list(kind.resource, name):
                remaining[f"{kind.plural}.{kind.group}"] += 1  # "pods." without a group, as the real one says
                finalizers.update(each.object["metadata"].get("finalizers") or [])
        self._registry.update(
            self._kind("namespaces"),
            "",
            name,
            lambda obj: _with_conditions(obj, remaining, finalizers),
            _OPTIONS,
            "status",
        )
        if remaining:
            return True
        self._registry.update(self._kind("namespaces"), "", name, _finalized, _OPTIONS, "finalize")
        return False

    def _kind(self, plural: str) -> Kind:
        kind = self._registry.kinds.find("", "v1", plural)
        assert kind is not None
        return kind


def _finalized(namespace: Object) -> Object:
    finalizers = namespace["spec"].get("finalizers") or []
    namespace["spec"]["finalizers"] = [each for each in finalizers if each != "kubernetes"]
    return namespace


def _with_conditions(namespace: Object, remaining: Counter[str], finalizers: Counter[str]) -> Object:
    """The conditions by which an operator learns what a namespace waits for."""
    status = namespace.setdefault("status", {})
    status["phase"] = "Terminating"
    content = ", ".join(f"{name} has {count} resource instances" for name, count in sorted(remaining.items()))
    held = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(finalizers.items()))
    wanted = [
        ("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered"),
        ("NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions",
         "All legacy kube types successfully parsed"),
        ("NamespaceDeletionContentFailure", "False", "ContentDeleted",
         "All content successfully deleted, may be waiting on finalization"),
        ("NamespaceContentRemaining", "True", "SomeResourcesRemain", f"Some resources are remaining: {content}")
        if remaining else ("NamespaceContentRemaining", "False", "ContentRemoved", "All content successfully removed"),
        ("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain",
         f"Some content in the namespace has finalizers remaining: {held}")
        if finalizers else ("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers",
                            "All content-preserving finalizers finished"),
    ]  # fmt: skip
    before = {each["type"]: each for each in status.get("conditions") or []}
    status["conditions"] = []
    for type_, value, reason, message in wanted:
        known = before.get(type_)
        since = known["lastTransitionTime"] if known and known["status"] == value else now()
        status["conditions"].append(
            {"type": type_, "status": value, "lastTransitionTime": since, "reason": reason, "message": message}
        )
    return namespace
