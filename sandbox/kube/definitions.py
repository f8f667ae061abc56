"""CustomResourceDefinitions: kinds come and go with them; those of the sandbox are there from the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.kube.registry import Registry, WriteOptions

if TYPE_CHECKING:
    from sandbox.kube.store import Change, Object

RESOURCE = "customresourcedefinitions.apiextensions.k8s.io"


class Definitions:
    """Keeps the kinds served in step with the definitions stored."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        registry.store.listeners.append(self._observe)

    def install(self, definitions: list[Object]) -> None:
        """Store definitions that are there before the first request."""
        kind = self._registry.kinds.find("apiextensions.k8s.io", "v1", "customresourcedefinitions")
        assert kind is not None
        for definition in definitions:
            self._registry.create(kind, "", definition, WriteOptions(manager="sandbox"))

    def _observe(self, resource: str, change: Change) -> None:
        if resource != RESOURCE:
            return
        definition = change.stored.object
        if change.type == "DELETED":
            self._withdraw(definition)
        elif change.previous is None or change.previous.object["spec"] != definition["spec"]:
            self._registry.kinds.define(definition)

    def _withdraw(self, definition: Object) -> None:
        """With its definition all objects of a kind go, whatever their finalizers say (the real server waits)."""
        table = self._registry.store.table(f"{definition['spec']['names']['plural']}.{definition['spec']['group']}")
        for key in list(table.objects):
            resource = f"{definition['spec']['names']['plural']}.{definition['spec']['group']}"
            self._registry.store.remove(resource, key)
        self._registry.kinds.forget(definition)
