"""Writes what a controller wants and the cache does not show: no request while everything is as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.objects import ensure, update_status

if TYPE_CHECKING:
    from sandbox.client import Client, Object, Objects, Resource
    from sandbox.controllers.context import Context


class Writer:
    """`sandbox.objects.ensure` over the shared caches."""

    def __init__(self, context: Context) -> None:
        self._informers = context.informers
        self.client: Client = context.client

    def get(self, resource: Resource, name: str, namespace: str = "") -> Object | None:
        """The cached object: perhaps a moment old, never to be changed in place."""
        return self._informers.of(resource).get(name, namespace)

    def list(self, resource: Resource, namespace: str, labels: Object | None = None) -> Objects:
        """The cached objects of a namespace."""
        return self._informers.of(resource).list(namespace, labels)

    def ensure(self, resource: Resource, desired: Object) -> Object:
        metadata = desired["metadata"]
        cached = self.get(resource, metadata["name"], metadata.get("namespace", ""))
        return ensure(self.client, resource, desired, live=cached)

    def status(self, resource: Resource, obj: Object, status: Object) -> None:
        update_status(self.client, resource, obj, status)
