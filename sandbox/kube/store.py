"""The objects of one cluster and the history that watches read, in memory.

What is stored is never changed in place: an update stores a new object. So a list is a consistent snapshot, and the
bytes of an object are made once for all the watches and lists that send it.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
Key = tuple[str, str]  # namespace ("" for cluster-scoped objects), name
HISTORY = 20_000  # events that a table keeps for watches; an older resourceVersion is answered with 410


class Stored:
    """One object at one resourceVersion; not to be changed."""

    __slots__ = ("_bytes", "object", "revision")

    def __init__(self, obj: Object, revision: int) -> None:
        self.object, self.revision = obj, revision
        self._bytes: dict[str, bytes] = {}

    @property
    def key(self) -> Key:
        return self.object["metadata"].get("namespace", ""), self.object["metadata"]["name"]

    def encoded(self, api_version: str) -> bytes:
        """The object as JSON in one served version (versions differ by name only: conversion strategy None)."""
        found = self._bytes.get(api_version)
        if found is None:
            found = self._bytes[api_version] = json.dumps(self.in_version(api_version), separators=(",", ":")).encode()
        return found

    def in_version(self, api_version: str) -> Object:
        if self.object["apiVersion"] == api_version:
            return self.object
        return {**self.object, "apiVersion": api_version}

    def copy(self, api_version: str) -> Object:
        """A copy that may be changed."""
        copied: Object = json.loads(self.encoded(api_version))
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
        self.listeners: list[Callable[[str, Change], None]] = []

    def table(self, resource: str) -> Table:
        return self._tables.setdefault(resource, Table())

    def get(self, resource: str, namespace: str, name: str) -> Stored | None:
        return self.table(resource).objects.get((namespace, name))

    def list(self, resource: str, namespace: str = "") -> list[Stored]:
        """Sorted by namespace and name; of every namespace when `namespace` is empty."""
        objects = self.table(resource).objects
        return [objects[key] for key in sorted(objects) if not namespace or key[0] == namespace]

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
        subscription = Subscription(expired=after < table.compacted)
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
            table.compacted = self.revision
