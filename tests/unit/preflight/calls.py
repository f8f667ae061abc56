"""Which rights a run needs: every call that a management cluster in memory gets, as RBAC would judge it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from lifeboat.resources import PODS, Resource
from tests.unit.memory import MemoryCluster

Call = tuple[str, str, str, str | None]
"""(management cluster, verb, resource with its group and subresource, namespace)"""


@contextmanager
def recorded() -> Iterator[set[Call]]:
    """All calls to any management cluster until the end of the block."""
    calls: set[Call] = set()

    def note(cluster: MemoryCluster, verb: str, resource: Resource, namespace: str | None, sub: str = "") -> None:
        name = f"{resource}/{sub}" if sub else str(resource)
        calls.add((cluster.name, verb, name, namespace if resource.namespaced else None))

    real = {each: getattr(MemoryCluster, each) for each in ("get", "list_objects", "create", "patch", "delete", "exec")}

    def get(self: MemoryCluster, resource: Resource, namespace: str | None, name: str) -> Any:
        note(self, "get", resource, namespace)
        return real["get"](self, resource, namespace, name)

    def list_objects(self: MemoryCluster, resource: Resource, namespace: str | None = None, **rest: Any) -> Any:
        note(self, "list", resource, namespace)
        return real["list_objects"](self, resource, namespace, **rest)

    def create(self: MemoryCluster, resource: Resource, manifest: Any) -> Any:
        note(self, "create", resource, manifest["metadata"].get("namespace"))
        return real["create"](self, resource, manifest)

    def patch(
        self: MemoryCluster,
        resource: Resource,
        namespace: str | None,
        name: str,
        patch: Any,
        *,
        subresource: str | None = None,
    ) -> Any:
        note(self, "patch", resource, namespace, subresource or "")
        return real["patch"](self, resource, namespace, name, patch, subresource=subresource)

    def delete(self: MemoryCluster, resource: Resource, namespace: str | None, name: str, **rest: Any) -> Any:
        note(self, "delete", resource, namespace)
        return real["delete"](self, resource, namespace, name, **rest)

    def exec_(self: MemoryCluster, namespace: str, *rest: Any, **named: Any) -> Any:
        note(self, "get", PODS, namespace, "exec")
        note(self, "create", PODS, namespace, "exec")
        return real["exec"](self, namespace, *rest, **named)

    replaced = {
        "get": get,
        "list_objects": list_objects,
        "create": create,
        "patch": patch,
        "delete": delete,
        "exec": exec_,
    }
    with ExitStack() as stack:
        for name, method in replaced.items():
            stack.enter_context(mock.patch.object(MemoryCluster, name, method))
        yield calls
