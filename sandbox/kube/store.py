"""The objects of one cluster and the history that watches read, in memory.

What is stored is never changed in place: an update stores a new object. So a list is a consistent snapshot, and the
bytes of an object are made once for all the watches and lists that send it.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.kube.kinds import Kind

Object = dict[str, Any]
Key = tuple[str, str]  # namespace ("" for cluster-scoped objects), name
HISTORY = 20_000  # events that a table keeps for watches; an older resourceVersion is answered with 410


class Stored:
    """One object at one resourceVersion; not to be changed. `object` is in the version that was stored."""

    __slots__ = ("_bytes", "_converted", "_item", "object", "revision")

    def __init__(self, obj: Object, revision: int) -> None:
        self.object, self.revision = obj, revision
        self._bytes: dict[str, bytes] = {}
        self._item: bytes | None = None
        self._converted: dict[str, Object] = {}

    @property
    def key(self) -> Key:
        return self.object["metadata"].get("namespace", ""), self.object["metadata"]["name"]

    def encoded(self, kind: Kind) -> bytes:
        """The object as JSON in the version of `kind`."""
        found = self._bytes.get(kind.api_version)
        if found is None:
            found = self._bytes[kind.api_version] = json.dumps(self._in(kind), separators=(",", ":")).encode()
        return found

    def item(self, kind: Kind) -> bytes:
        """The same as an item of a list, where objects of built-in kinds do not name their kind."""
        if kind.custom:
            return self.encoded(kind)
        if self._item is None:
            named = self._in(kind).items()
            bare = {key: value for key, value in named if key not in ("apiVersion", "kind")}
            self._item = json.dumps(bare, separators=(",", ":")).encode()
        return self._item

    def is_in(self, kind: Kind) -> bool:
        """Whether the object can be had in the version of `kind` without its webhook."""
        version = kind.api_version
        return self.object["apiVersion"] == version or kind.conversion is None or version in self._converted

    def keep(self, converted: Object) -> None:
        """Keep what a webhook has made of the object; it belongs to the store from now on."""
        self._converted[converted["apiVersion"]] = converted

    def _in(self, kind: Kind) -> Object:
        if self.object["apiVersion"] == kind.api_version:
            return self.object
        if kind.conversion is None:
            return {**self.object, "apiVersion": kind.api_version}
        return self._converted[kind.api_version]

    def copy(self, kind: Kind) -> Object:
        """A copy that may be changed."""
        copied: Object = json.loads(self.encoded(kind))
        return copied


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a table's history: `previous` is None for a new object."""

    revision: int
    type: str  # ADDED | MODIFIED | DELETED
    stored: Stored
    previous: Stored | None


@dataclass(eq=False)
class Subscription:
    """A watch: changes that it has not sent yet."""

    pending: deque[Change] = field(default_factory=deque)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    expired: bool = False


@dataclass
class Table:
    """All objects of one resource."""

    objects: dict[Key, Stored] = field(default_factory=dict)
    history: deque[Change] = field(default_factory=deque)
    compacted: int = 0  # history is complete for revisions above this one
    subscriptions: set[Subscription] = field(default_factory=set)


class Store:
    """Tables by resource (`deployments.apps`), with one revision counter for all of them."""

    def __init__(self) -> None:
        self.revision = 1
        self._tables: dict[str, Table] = {}
        self._compacted = self._unwatchable = 0
        self.listeners: list[Callable[[str, Change], None]] = []

    def table(self, resource: str) -> Table:
        return self._tables.setdefault(resource, Table())

    def get(self, resource: str, namespace: str, name: str) -> Stored | None:
        return self.table(resource).objects.get((namespace, name))

    def list(self, resource: str, namespace: str = "") -> list[Stored]:
        """Sorted by namespace and name; of every namespace when `namespace` is empty."""
        objects = self.table(resource).objects
        return [objects[key] for key in sorted(objects) if not namespace or key[0] == namespace]

    def list_at(self, resource: str, revision: int) -> Sequence[Stored] | None:
        """All objects of one moment, sorted by namespace and name; None when that is forgotten."""
        table = self.table(resource)
        if revision < max(self._compacted, table.compacted):
            return None
        objects = dict(table.objects)
        for change in reversed(table.history):
            if change.revision <= revision:
                break
            if change.previous is None:
                del objects[change.stored.key]
            else:
                objects[change.stored.key] = change.previous
        return [objects[key] for key in sorted(objects)]

    def put(self, resource: str, obj: Object) -> Stored:
        """Store `obj`, which now belongs to the store, at the next revision."""
        self.revision += 1
        obj["metadata"]["resourceVersion"] = str(self.revision)
        stored = Stored(obj, self.revision)
        table = self.table(resource)
        previous = table.objects.get(stored.key)
        table.objects[stored.key] = stored
        self._publish(resource, Change(self.revision, "MODIFIED" if previous else "ADDED", stored, previous))
        return stored

    def remove(self, resource: str, key: Key, last: Object | None = None) -> Stored:
        """Take an object out. Its last state, `last` when given, is told at the revision of the removal."""
        self.revision += 1
        previous = self.table(resource).objects.pop(key)
        obj = last or dict(previous.object)
        obj["metadata"] = {**obj["metadata"], "resourceVersion": str(self.revision)}
        stored = Stored(obj, self.revision)
        self._publish(resource, Change(self.revision, "DELETED", stored, previous))
        return stored

    def _publish(self, resource: str, change: Change) -> None:
        table = self.table(resource)
        table.history.append(change)
        if len(table.history) > HISTORY:
            table.compacted = table.history.popleft().revision
        for subscription in table.subscriptions:
            subscription.pending.append(change)
            subscription.woken.set()
        for listener in self.listeners:
            listener(resource, change)

    def subscribe(self, resource: str, after: int) -> Subscription:
        """Changes after a revision. Its `expired` tells that the history no longer reaches back so far."""
        table = self.table(resource)
        subscription = Subscription(expired=after < max(table.compacted, self._unwatchable))
        if not subscription.expired:
            recent = []
            for change in reversed(table.history):
                if change.revision <= after:
                    break
                recent.append(change)
            subscription.pending.extend(reversed(recent))
            subscription.woken.set()
            table.subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, resource: str, subscription: Subscription) -> None:
        self.table(resource).subscriptions.discard(subscription)

    def compact(self) -> None:
        """Forget all history, as the real server's store does every few minutes."""
        for table in self._tables.values():
            table.history.clear()
        self._compacted = self._unwatchable = self.revision

    def begin_watches_anew(self) -> None:
        """Let no watch begin before now: a server that starts remembers no events. Lists of older moments go on."""
        self._unwatchable = self.revision
