"""A management cluster over which the procedure is rehearsed.

Reads go to the live one, once per question: a plan is of one moment. Writes are recorded and laid over the reads that
follow; nothing is sent. What others would do in answer, and what the procedure waits for, has come true at the next
read: pods of a Deployment at zero are gone, a new pod runs, a deleted namespace is empty.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from lifeboat.errors import ConflictError
from lifeboat.model import Manifest
from lifeboat.plan.writes import Log, Write, changes, created
from lifeboat.ports import ExecResult, Listing, Propagation
from lifeboat.resources import DEPLOYMENTS, NAMESPACES, PODS, STATEFUL_SETS, Resource

Key = tuple[str, str | None, str]
"""Kind, namespace, name."""

Scripts = Callable[["RehearsedCluster", str, str, str, Sequence[str], str, float], ExecResult]
"""(cluster, namespace, pod, container, command, stdin, timeout): what a script in a pod would answer."""


class Reader(Protocol):
    """What a rehearsal asks of a live cluster: nothing by which it could be changed, but for scripts that only ask."""

    @property
    def name(self) -> str: ...

    def version_of(self, resource: Resource) -> str: ...

    def get(self, resource: Resource, namespace: str | None, name: str) -> Manifest | None: ...

    def list_objects(
        self, resource: Resource, namespace: str | None = None, *, labels: str | None = None
    ) -> list[Manifest]: ...

    def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, stdin: str = "", timeout: float = 60
    ) -> ExecResult: ...

    def may(self, verb: str, resource: Resource, namespace: str | None = None, *, subresource: str = "") -> bool: ...


class RehearsedCluster:
    """`ports.ManagementCluster`."""

    def __init__(self, live: Reader, log: Log, scripts: Scripts) -> None:
        self.live = live
        self._log, self._scripts = log, scripts
        self._laid: dict[Key, Manifest | None] = {}
        """What was written: the object as it is now, None when it is gone."""
        self._got: dict[Key, Manifest | None] = {}
        self._listed: dict[tuple[str, str | None, str | None], list[Manifest]] = {}
        self._emptied: set[str] = set()
        """Namespaces that were deleted: of the live ones in them nothing is left."""
        self._numbers = itertools.count(1)

    @property
    def name(self) -> str:
        return self.live.name

    def version_of(self, resource: Resource) -> str:
        return self.live.version_of(resource)

    def may(self, verb: str, resource: Resource, namespace: str | None = None, *, subresource: str = "") -> bool:
        return self.live.may(verb, resource, namespace, subresource=subresource)

    def get(self, resource: Resource, namespace: str | None, name: str) -> Manifest | None:
        return copy.deepcopy(self._get(resource, namespace, name))

    def list_objects(
        self, resource: Resource, namespace: str | None = None, *, labels: str | None = None
    ) -> list[Manifest]:
        found: dict[Key, Manifest] = {}
        for each in self._live_list(resource, namespace, labels):
            metadata = each["metadata"]
            key = (resource.kind, metadata.get("namespace"), metadata["name"])
            if key not in self._laid and metadata.get("namespace") not in self._emptied:
                found[key] = each
        found |= {
            key: laid
            for key, laid in list(self._laid.items())
            if laid is not None and key[0] == resource.kind and namespace in {None, key[1]} and _matches(laid, labels)
        }
        in_order = sorted(found, key=lambda key: (key[1] or "", key[2]))
        return [copy.deepcopy(found[key]) for key in in_order]

    def listing(self, resource: Resource, namespace: str | None = None, *, labels: str | None = None) -> Listing:
        return Listing(self.list_objects(resource, namespace, labels=labels), "")

    def create(self, resource: Resource, manifest: Manifest) -> Manifest | None:
        metadata = manifest["metadata"]
        key = (resource.kind, metadata.get("namespace"), metadata["name"])
        if self._get(resource, key[1], key[2]) is not None:
            return None
        self._record("create", key, created(manifest))
        version = str(manifest.get("apiVersion") or "") or resource.api_version(self.version_of(resource))
        made = copy.deepcopy({**manifest, "apiVersion": version, "kind": resource.kind})
        made["metadata"]["uid"] = f"planned-{next(self._numbers)}"
        if resource == PODS:
            containers = [{"name": each["name"], "ready": True} for each in manifest["spec"]["containers"]]
            made["status"] = {"phase": "Running", "containerStatuses": containers}
        return self._lay(key, made)

    def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        patch: Mapping[str, Any],
        *,
        subresource: str | None = None,
    ) -> Manifest | None:
        current = self._get(resource, namespace, name)
        if current is None:
            return None
        expected = patch.get("metadata", {}).get("resourceVersion")
        if expected not in {None, current["metadata"].get("resourceVersion")}:
            msg = f"{name}: resourceVersion differs"
            raise ConflictError(msg)
        key = (resource.kind, namespace, name)
        self._record("patch", key, changes(current, patch))
        changed = merge(current, patch)
        if resource in {DEPLOYMENTS, STATEFUL_SETS}:
            self._scale(changed)
        return self._lay(key, changed)

    def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str,
        resource_version: str | None = None,
        propagation: Propagation = "Background",
    ) -> None:
        current = self._get(resource, namespace, name)
        if current is None or current["metadata"].get("uid") != uid:
            return
        if resource_version not in {None, current["metadata"].get("resourceVersion")}:
            msg = f"{name}: resourceVersion differs"
            raise ConflictError(msg)
        key = (resource.kind, namespace, name)
        self._record("delete", key, "and all that is left in it" if resource == NAMESPACES else "")
        self._laid[key] = None
        if resource == NAMESPACES:
            self._empty(name)

    def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, stdin: str = "", timeout: float = 60
    ) -> ExecResult:
        return self._scripts(self, namespace, pod, container, command, stdin, timeout)

    def ran(self, namespace: str, pod: str, what: str) -> None:
        """Record a script in a pod that changes something."""
        self._record("exec", ("Pod", namespace, pod), what)

    def comes_true(self, resource: Resource, namespace: str | None, name: str, status: Mapping[str, Any]) -> None:
        """What others make of an object in the time that the procedure waits for it; nobody's write of ours."""
        current = self._get(resource, namespace, name)
        if current is not None:
            self._lay((resource.kind, namespace, name), merge(current, {"status": status}))

    def _get(self, resource: Resource, namespace: str | None, name: str) -> Manifest | None:
        key = (resource.kind, namespace, name)
        if key in self._laid:
            return self._laid[key]
        if namespace in self._emptied:
            return None
        listed = self._listed.get((resource.kind, namespace, None))
        if listed is not None:
            return next((each for each in listed if each["metadata"]["name"] == name), None)
        if key not in self._got:
            self._got[key] = self.live.get(resource, namespace, name)
        return self._got[key]

    def _live_list(self, resource: Resource, namespace: str | None, labels: str | None) -> list[Manifest]:
        if namespace is not None and namespace in self._emptied:
            return []
        key = (resource.kind, namespace, labels)
        if key not in self._listed:
            self._listed[key] = self.live.list_objects(resource, namespace, labels=labels)
        return self._listed[key]

    def _lay(self, key: Key, manifest: Manifest) -> Manifest:
        manifest["metadata"]["resourceVersion"] = f"planned-{next(self._numbers)}"
        self._laid[key] = manifest
        return copy.deepcopy(manifest)

    def _scale(self, workload: Manifest) -> None:
        """Its controller follows: what is brought to zero has no pods, anything else is ready."""
        count = workload["spec"].get("replicas", 1)
        workload["status"] = {**(workload.get("status") or {}), "replicas": count, "readyReplicas": count}
        if count:
            return
        namespace = workload["metadata"]["namespace"]
        labels = (workload["spec"].get("selector") or {}).get("matchLabels") or {}
        for pod in self.list_objects(PODS, namespace):
            if labels and labels.items() <= (pod["metadata"].get("labels") or {}).items():
                self._laid[PODS.kind, namespace, pod["metadata"]["name"]] = None

    def _empty(self, namespace: str) -> None:
        self._emptied.add(namespace)
        for key in [each for each in self._laid if each[1] == namespace]:
            self._laid[key] = None

    def _record(self, verb: str, key: Key, what: str) -> None:
        self._log.record(Write(self.name, verb, *key, what))


def merge(current: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    merged = dict(current) if isinstance(current, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def _matches(manifest: Manifest, labels: str | None) -> bool:
    have = manifest["metadata"].get("labels") or {}
    for term in (labels or "").split(","):
        name, equals, value = term.partition("=")
        if term and (have.get(name) != value if equals else name not in have):
            return False
    return True
