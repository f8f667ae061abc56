"""Every port in memory. They keep the rules that the procedure rests on: preconditions, create-if-absent, epochs.

`MemoryCluster` refuses what an API server refuses: a patch with an old resourceVersion or another uid, a delete of
another uid; objects with finalizers stay, marked; dependents go with their last owner.
"""

from __future__ import annotations

import copy
import dataclasses
import datetime
import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lifeboat.errors import ConflictError, LifeboatError, ObjectRefusedError
from lifeboat.model import Manifest
from lifeboat.ports import (
    DnsRecord,
    ExecResult,
    Execution,
    Lease,
    Listing,
    Propagation,
    Protection,
)
from lifeboat.resources import BY_KIND, Resource
from lifeboat.vpc_endpoints import VpcEndpoint
from tests.unit.memory_store import NOW, MemoryStore

__all__ = ["NOW", "MemoryStore"]

STORED_VERSIONS = {"cluster.x-k8s.io": "v1beta1", "infrastructure.cluster.x-k8s.io": "v1beta2"}

Exec = Callable[[str, str, str, Sequence[str], str], ExecResult]
"""(namespace, pod, container, command, stdin) -> what it gave."""


class MemoryCluster:
    """`ports.ManagementCluster`. `writes` is the log of all changes: (verb, kind, namespace, name, body)."""

    def __init__(self, name: str = "mgmt-1", *, collects_garbage: bool = True) -> None:
        self._name = name
        self._objects: dict[tuple[str, str | None, str], Manifest] = {}
        self._numbers = itertools.count(1)
        self._collects_garbage = collects_garbage
        self.stored_versions = dict(STORED_VERSIONS)
        self.exec_handler: Exec | None = None
        self.writes: list[tuple[str, str, str | None, str, Any]] = []
        self.failures: list[LifeboatError] = []
        self.forbidden: set[tuple[str, str]] = set()
        """(verb, plural or plural/subresource) that `may` denies."""
        self.after_write: Callable[[MemoryCluster], None] | None = None
        """Called after each write: what controllers would do."""

    @property
    def name(self) -> str:
        return self._name

    def fail_next(self, *errors: LifeboatError) -> None:
        """The next calls (of any verb) raise these, one each."""
        self.failures += errors

    def add(self, *manifests: Manifest) -> None:
        """Put objects there as they are, filling in what an API server would (uid, resourceVersion)."""
        for manifest in manifests:
            held = copy.deepcopy(manifest)
            metadata = held["metadata"]
            metadata.setdefault("uid", f"{self._name}-uid-{next(self._numbers)}")
            metadata["resourceVersion"] = str(next(self._numbers))
            metadata.setdefault("creationTimestamp", "2026-11-01T00:00:00Z")
            self._objects[held["kind"], metadata.get("namespace"), metadata["name"]] = held

    def objects(self, kind: str | None = None) -> list[Manifest]:
        return [copy.deepcopy(each) for key, each in self._objects.items() if kind in (None, key[0])]

    def remove(self, kind: str, namespace: str | None, name: str) -> None:
        """Gone, finalizers or not."""
        del self._objects[kind, namespace, name]

    def version_of(self, resource: Resource) -> str:
        definition = self._objects.get(("CustomResourceDefinition", None, resource.crd))
        if resource.version or definition is None:
            return resource.version or self.stored_versions[resource.group]
        return str(next(each["name"] for each in definition["spec"]["versions"] if each.get("storage")))

    def get(self, resource: Resource, namespace: str | None, name: str) -> Manifest | None:
        self._fail()
        return copy.deepcopy(self._objects.get((resource.kind, namespace, name)))

    def list_objects(
        self, resource: Resource, namespace: str | None = None, *, labels: str | None = None
    ) -> list[Manifest]:
        self._fail()
        return [
            copy.deepcopy(each)
            for (kind, where, _), each in sorted(self._objects.items(), key=lambda item: str(item[0]))
            if kind == resource.kind and namespace in (None, where) and _matches(each, labels)
        ]

    def listing(self, resource: Resource, namespace: str | None = None, *, labels: str | None = None) -> Listing:
        return Listing(self.list_objects(resource, namespace, labels=labels), str(next(self._numbers)))

    def create(self, resource: Resource, manifest: Manifest) -> Manifest | None:
        self._fail()
        metadata = manifest["metadata"]
        if metadata.get("resourceVersion") or metadata.get("uid"):
            raise ObjectRefusedError("resourceVersion should not be set on objects to be created")
        key = (resource.kind, metadata.get("namespace"), metadata["name"])
        if key in self._objects:
            return None
        written = str(manifest.get("apiVersion", ""))
        if resource.version or not written.startswith(f"{resource.group}/"):
            written = resource.api_version(self.version_of(resource))
        body = {**manifest, "apiVersion": written, "kind": resource.kind}
        self.add(body)
        self._wrote("create", *key, body)
        return copy.deepcopy(self._objects.get(key))

    def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        patch: Mapping[str, Any],
        *,
        subresource: str | None = None,
    ) -> Manifest | None:
        self._fail()
        key = (resource.kind, namespace, name)
        current = self._objects.get(key)
        if current is None:
            return None
        wanted = patch.get("metadata", {})
        # As tests/contract shows: a uid in a patch is no precondition, and cannot be changed.
        for field, error in (("resourceVersion", ConflictError), ("uid", ObjectRefusedError)):
            if field in wanted and wanted[field] != current["metadata"][field]:
                msg = f"{name}: {field} differs"
                raise error(msg)
        merged = merge(current, patch)
        if merged != current:
            merged["metadata"]["resourceVersion"] = str(next(self._numbers))
        self._objects[key] = merged
        self._wrote("patch", *key, copy.deepcopy(dict(patch)))
        answer = copy.deepcopy(merged)
        if merged["metadata"].get("deletionTimestamp") and not merged["metadata"].get("finalizers"):
            self._remove(key)
        return answer

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
        self._fail()
        key = (resource.kind, namespace, name)
        current = self._objects.get(key)
        if current is None or current["metadata"]["uid"] != uid:
            return
        if resource_version not in {None, current["metadata"]["resourceVersion"]}:
            msg = f"{name}: resourceVersion differs"
            raise ConflictError(msg)
        if current["metadata"].get("finalizers"):
            current["metadata"].setdefault("deletionTimestamp", "2026-11-03T10:00:00Z")
        else:
            self._remove(key, orphan=propagation == "Orphan")
        self._wrote("delete", *key, None)

    def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, stdin: str = "", timeout: float = 60
    ) -> ExecResult:
        self._fail()
        if self.exec_handler is None:
            raise ObjectRefusedError(f"exec in {namespace}/{pod} was refused (404)")
        return self.exec_handler(namespace, pod, container, command, stdin)

    def may(self, verb: str, resource: Resource, namespace: str | None = None, *, subresource: str = "") -> bool:
        self._fail()
        return (verb, resource.plural + (f"/{subresource}" if subresource else "")) not in self.forbidden

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    def _wrote(self, verb: str, kind: str, namespace: str | None, name: str, body: Any) -> None:
        self.writes.append((verb, kind, namespace, name, body))
        if self.after_write:
            self.after_write(self)

    def _remove(self, key: tuple[str, str | None, str], *, orphan: bool = False) -> None:
        gone = self._objects.pop(key)
        if key[0] == "Namespace":
            for inner in [each for each in self._objects if each[1] == key[2]]:
                if inner in self._objects:  # else just collected with its owner
                    self._mark(inner)
        if orphan or not self._collects_garbage:
            return
        uid = gone["metadata"]["uid"]
        for other, each in list(self._objects.items()):
            owners = each["metadata"].get("ownerReferences") or []
            if any(owner["uid"] == uid for owner in owners):
                left = [owner for owner in owners if owner["uid"] != uid]
                each["metadata"]["ownerReferences"] = left
                if not left and other in self._objects:
                    self._mark(other)

    def _mark(self, key: tuple[str, str | None, str]) -> None:
        metadata = self._objects[key]["metadata"]
        if metadata.get("finalizers"):
            metadata.setdefault("deletionTimestamp", "2026-11-03T10:00:00Z")
        else:
            self._remove(key)


def merge(current: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    merged = copy.deepcopy(current) if isinstance(current, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def resource_of(manifest: Manifest) -> Resource:
    return BY_KIND[manifest["kind"]]


def _matches(manifest: Manifest, labels: str | None) -> bool:
    have = manifest["metadata"].get("labels") or {}
    for term in (labels or "").split(","):
        name, equals, value = term.partition("=")
        if term and (have.get(name) != value if equals else name not in have):
            return False
    return True


class MemorySigner:
    """`ports.Signer`: a keyed hash instead of a KMS key."""

    key_id = "memory-key"

    def __init__(self, secret: bytes = b"memory") -> None:
        self._secret = secret

    def sign(self, digest: bytes) -> bytes:
        return hashlib.sha256(self._secret + digest).digest()

    def verify(self, digest: bytes, signature: bytes) -> bool:
        return self.sign(digest) == signature


class MemoryLeases:
    """`ports.Leases`."""

    first_epoch = 1
    """The table's begin with the clock's seconds."""

    def __init__(self, now: float = NOW.timestamp()) -> None:
        self.now = now
        self.leases: dict[str, Lease] = {}

    def read(self, hosted_cluster: str) -> Lease | None:
        return self.leases.get(hosted_cluster)

    def take(
        self, hosted_cluster: str, operation_id: str, execution: str, seconds: int, over: Lease | None
    ) -> Lease | None:
        current = self.leases.get(hosted_cluster)
        if current != over:
            return None
        epoch = current.epoch + 1 if current else self.first_epoch
        owner = current.owner if current else None
        self.leases[hosted_cluster] = Lease(operation_id, execution, epoch, int(self.now) + seconds, owner)
        return self.leases[hosted_cluster]

    def renew(self, hosted_cluster: str, operation_id: str, epoch: int, seconds: int) -> bool:
        if not self._mine(hosted_cluster, operation_id, epoch):
            return False
        held = self.leases[hosted_cluster]
        self.leases[hosted_cluster] = Lease(held.holder, held.execution, epoch, int(self.now) + seconds, held.owner)
        return True

    def release(self, hosted_cluster: str, operation_id: str, epoch: int) -> bool:
        if not self._mine(hosted_cluster, operation_id, epoch):
            return False
        self.leases[hosted_cluster] = Lease(None, None, epoch, 0, self.leases[hosted_cluster].owner)
        return True

    def claim(self, hosted_cluster: str, operation_id: str, epoch: int, owner: str, instead_of: str) -> bool:
        if not self._mine(hosted_cluster, operation_id, epoch):
            return False
        held = self.leases[hosted_cluster]
        if held.owner not in {None, owner, instead_of}:
            return False
        self.leases[hosted_cluster] = dataclasses.replace(held, owner=owner)
        return True

    def _mine(self, hosted_cluster: str, operation_id: str, epoch: int) -> bool:
        held = self.leases.get(hosted_cluster)
        return held is not None and (held.holder, held.epoch) == (operation_id, epoch)


class MemoryExecutions:
    """`ports.Executions`."""

    def __init__(self) -> None:
        self.executions: dict[str, Execution] = {}

    def add(
        self,
        arn: str,
        status: str = "RUNNING",
        given: Mapping[str, Any] | None = None,
        output: Mapping[str, Any] | None = None,
    ) -> Execution:
        self.executions[arn] = Execution(arn, status, NOW, given or {}, output)
        return self.executions[arn]

    def describe(self, arn: str) -> Execution | None:
        return self.executions.get(arn)

    def stop(self, arn: str, cause: str) -> None:
        there = self.executions[arn]
        if there.status == "RUNNING":
            self.executions[arn] = dataclasses.replace(there, status="ABORTED")

    def running(self, machine: str) -> list[str]:
        prefix = machine.replace(":stateMachine:", ":execution:") + ":"
        return [arn for arn, each in self.executions.items() if arn.startswith(prefix) and each.status == "RUNNING"]


class MemoryDns:
    """`ports.Dns`: one zone."""

    zone_id = "Z1"

    def __init__(self) -> None:
        self.held: list[DnsRecord] = []

    def add(self, name: str, kind: str, *values: str) -> None:
        self.held.append(DnsRecord(self.zone_id, name, kind, values, {"Name": name, "Type": kind}))

    def records(self, names: Sequence[str]) -> list[DnsRecord]:
        return [each for each in self.held if each.name in names]

    def delete(self, records: Sequence[DnsRecord]) -> None:
        self.held = [each for each in self.held if each not in records]

    def create(self, records: Sequence[DnsRecord]) -> None:
        there = {(each.name, each.type) for each in self.held}
        self.held += [each for each in records if (each.name, each.type) not in there]


class MemoryVpcEndpoints:
    """`vpc_endpoints.VpcEndpoints`."""

    def __init__(self) -> None:
        self.held: dict[str, VpcEndpoint] = {}

    def of(self, ids: Sequence[str]) -> dict[str, VpcEndpoint]:
        return {each: self.held[each] for each in ids if each in self.held}


class MemoryInstances:
    """`ports.Instances`: state by instance id, per infraID."""

    def __init__(self) -> None:
        self.states: dict[str, dict[str, str]] = {}
        self.protected: set[str] = set()
        self.spot: set[str] = set()

    def of(self, infra_id: str) -> dict[str, str]:
        return dict(self.states.get(infra_id, {}))

    def protections(self, infra_id: str) -> dict[str, Protection]:
        return {
            each: Protection(each in self.protected, each in self.spot)
            for each, state in self.states.get(infra_id, {}).items()
            if state not in {"shutting-down", "terminated"}
        }

    def protect(self, instance_id: str, *, on: bool) -> None:
        assert instance_id not in self.spot, "EC2 refuses this of a spot instance"
        (self.protected.add if on else self.protected.discard)(instance_id)


class MemoryClock:
    """`ports.Clock` that stands still until it is told."""

    def __init__(self, now: datetime.datetime = NOW) -> None:
        self.time = now

    def now(self) -> datetime.datetime:
        return self.time

    def pass_by(self, seconds: float) -> None:
        self.time += datetime.timedelta(seconds=seconds)
