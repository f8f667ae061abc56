"""The garbage collector: deletes what has lost all its owners, and carries out Foreground and Orphan deletion.

As kube-controller-manager's: owners are looked up by reference, in the dependent's own namespace, and count only with
the uid that the reference names. So an object whose owner never existed here is deleted as well. A reference to a kind
or version that is not served decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from sandbox.kube.deletion import FOREGROUND, ORPHAN, DeleteOptions
from sandbox.kube.errors import ApiError
from sandbox.kube.registry import Registry, WriteOptions

if TYPE_CHECKING:
    from sandbox.kube.kinds import Kind
    from sandbox.kube.store import Change, Key, Object, Stored

DELAY = 0.1
"""Seconds from a change to the decision about it; on a real cluster about this (measured)."""

_OPTIONS = WriteOptions(manager="kube-controller-manager")
_log = logging.getLogger(__name__)
_Item = tuple[str, "Key"]


class GarbageCollector:
    """Follows every table of the store."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._dependents: dict[str, set[_Item]] = {}  # by the uid of an owner
        self._pending: set[_Item] = set()
        self._woken = asyncio.Event()
        registry.store.listeners.append(self._observe)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._woken.wait()
            await asyncio.sleep(DELAY)
            self._woken.clear()
            pending, self._pending = self._pending, set()
            for resource, key in pending:
                try:
                    self._process(resource, key)
                except ApiError as error:
                    if error.code not in (404, 409):
                        _log.warning("garbage collection of %s %s: %s", resource, key, error)

    def _observe(self, resource: str, change: Change) -> None:
        item = resource, change.stored.key
        before = _owner_uids(change.previous.object) if change.previous else set()
        after = _owner_uids(change.stored.object) if change.type != "DELETED" else set()
        for uid in before - after:
            self._dependents.get(uid, set()).discard(item)
        for uid in after - before:
            self._dependents.setdefault(uid, set()).add(item)
        meta = change.stored.object["metadata"]
        if change.type == "DELETED":
            self._enqueue(self._dependents.get(meta["uid"], set()))
            self._enqueue_owners(resource, change.stored)
        elif after or meta.get("deletionTimestamp"):
            self._enqueue({item})

    def _enqueue(self, items: set[_Item]) -> None:
        if items:
            self._pending |= items
            self._woken.set()

    def _enqueue_owners(self, resource: str, gone: Stored) -> None:
        """Owners in foreground deletion wait for this dependent."""
        del resource
        namespace = gone.key[0]
        for reference in gone.object["metadata"].get("ownerReferences") or []:
            owner = self._registry.kinds.by_kind(reference["apiVersion"], reference["kind"])
            if owner is not None:
                self._enqueue({(owner.resource, (namespace if owner.namespaced else "", reference["name"]))})

    def _process(self, resource: str, key: Key) -> None:
        stored = self._registry.store.get(resource, *key)
        kind = next((each for each in self._registry.kinds.stored() if each.resource == resource), None)
        if stored is None or kind is None:
            return
        meta = stored.object["metadata"]
        finalizers = meta.get("finalizers") or []
        if meta.get("deletionTimestamp"):
            if ORPHAN in finalizers:
                self._orphan(kind, stored)
            elif FOREGROUND in finalizers:
                self._foreground(kind, stored)
            return
        if meta.get("ownerReferences"):
            self._decide(kind, stored)

    def _decide(self, kind: Kind, stored: Stored) -> None:
        """Delete `stored` when none of its owners is there; drop references to those that are not."""
        solid, waiting, dangling = [], [], []
        for reference in stored.object["metadata"]["ownerReferences"]:
            owner_kind = self._registry.kinds.by_kind(reference["apiVersion"], reference["kind"])
            if owner_kind is None or (owner_kind.namespaced and not kind.namespaced):
                return  # not a reference that can be resolved: the collector leaves the object alone
            namespace = stored.key[0] if owner_kind.namespaced else ""
            owner = self._registry.store.get(owner_kind.resource, namespace, reference["name"])
            if owner is None or owner.object["metadata"]["uid"] != reference["uid"]:
                dangling.append(reference["uid"])
            elif _is_foreground(owner.object):
                waiting.append(reference["uid"])
            else:
                solid.append(reference["uid"])
        if solid:
            if gone := {*dangling, *waiting}:
                self._drop_references(kind, stored, gone)
            return
        foreground = bool(waiting) and bool(self._dependents.get(stored.object["metadata"]["uid"]))
        propagation = "Foreground" if foreground else self._propagation(stored.object)
        uid = stored.object["metadata"]["uid"]
        _log.info("collect %s %s/%s: no owner of it is there", kind.resource, *stored.key)
        self._registry.delete(kind, *stored.key, DeleteOptions(propagation=propagation, uid=uid))

    @staticmethod
    def _propagation(obj: Object) -> str:
        finalizers = obj["metadata"].get("finalizers") or []
        return "Orphan" if ORPHAN in finalizers else "Foreground" if FOREGROUND in finalizers else "Background"

    def _foreground(self, kind: Kind, owner: Stored) -> None:
        """Delete the dependents; the owner goes when those that block it are gone."""
        uid = owner.object["metadata"]["uid"]
        blocked = False
        for resource, key in list(self._dependents.get(uid, ())):
            dependent = self._registry.store.get(resource, *key)
            if dependent is None:
                continue
            references = dependent.object["metadata"].get("ownerReferences") or []
            blocked |= any(each["uid"] == uid and each.get("blockOwnerDeletion") for each in references)
            if not dependent.object["metadata"].get("deletionTimestamp"):
                self._enqueue({(resource, key)})
        if not blocked:
            self._remove_finalizer(kind, owner, FOREGROUND)

    def _orphan(self, kind: Kind, owner: Stored) -> None:
        uid = owner.object["metadata"]["uid"]
        kinds = {each.resource: each for each in self._registry.kinds.stored()}
        for resource, key in list(self._dependents.get(uid, ())):
            dependent = self._registry.store.get(resource, *key)
            if dependent is not None and resource in kinds:
                self._drop_references(kinds[resource], dependent, {uid})
        self._remove_finalizer(kind, owner, ORPHAN)

    def _drop_references(self, kind: Kind, stored: Stored, uids: set[str]) -> None:
        def change(obj: Object) -> Object:
            references: list[dict[str, Any]] = obj["metadata"].get("ownerReferences") or []
            obj["metadata"]["ownerReferences"] = [each for each in references if each["uid"] not in uids]
            return obj

        self._registry.update(kind, *stored.key, change, _OPTIONS)

    def _remove_finalizer(self, kind: Kind, stored: Stored, finalizer: str) -> None:
        def change(obj: Object) -> Object:
            obj["metadata"]["finalizers"] = [each for each in obj["metadata"]["finalizers"] if each != finalizer]
            return obj

        self._registry.update(kind, *stored.key, change, _OPTIONS)


def _owner_uids(obj: Object) -> set[str]:
    return {each["uid"] for each in obj["metadata"].get("ownerReferences") or []}


def _is_foreground(obj: Object) -> bool:
    meta = obj["metadata"]
    return bool(meta.get("deletionTimestamp")) and FOREGROUND in (meta.get("finalizers") or [])
