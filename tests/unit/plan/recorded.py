"""Ports in memory that record what is really written, as a plan tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lifeboat.guest import NETWORK_NAMESPACE
from lifeboat.model import Manifest
from lifeboat.plan.scripts import ACTING
from lifeboat.plan.writes import DYNAMODB, ROUTE53, S3, Log, Write, changes, created, in_order, stored_as
from lifeboat.ports import DnsRecord, ExecResult, Lease, Propagation, StoredObject, StoredPart
from lifeboat.resources import Resource
from tests.unit.memory import MemoryCluster, MemoryDns, MemoryLeases
from tests.unit.memory_store import MemoryStore


class RecordingCluster(MemoryCluster):
    log: Log

    def create(self, resource: Resource, manifest: Manifest) -> Manifest | None:
        made = super().create(resource, manifest)
        if made is not None:
            where = (resource.kind, manifest["metadata"].get("namespace"), manifest["metadata"]["name"])
            self.log.record(Write(self.name, "create", *where, created(manifest)))
        return made

    def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        patch: Mapping[str, Any],
        *,
        subresource: str | None = None,
    ) -> Manifest | None:
        before = self._objects.get((resource.kind, namespace, name))
        after = super().patch(resource, namespace, name, patch, subresource=subresource)
        if before is not None:
            self.log.record(Write(self.name, "patch", resource.kind, namespace, name, changes(before, patch)))
        return after

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
        count = len(self.writes)
        super().delete(resource, namespace, name, uid=uid, resource_version=resource_version, propagation=propagation)
        if len(self.writes) > count:
            what = "and all that is left in it" if resource.kind == "Namespace" else ""
            self.log.record(Write(self.name, "delete", resource.kind, namespace, name, what))

    def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, stdin: str = "", timeout: float = 60
    ) -> ExecResult:
        answer = super().exec(namespace, pod, container, command, stdin=stdin, timeout=timeout)
        if command[4] in ACTING:
            self.log.record(Write(self.name, "exec", "Pod", namespace, pod, ACTING[command[4]].told))
        return answer


class RecordingStore(MemoryStore):
    log: Log

    def put(self, key: str, body: bytes) -> StoredObject:
        if self.get(key) is None:
            self.log.record(Write(S3, "put", "object", None, stored_as(key)))
        return super().put(key, body)

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> StoredObject:
        if self.get(key) is None:
            self.log.record(Write(S3, "put", "object", None, stored_as(key)))
        return super().complete_upload(key, upload_id, parts)


class RecordingDns(MemoryDns):
    log: Log

    def delete(self, records: Sequence[DnsRecord]) -> None:
        for each in sorted(records, key=lambda each: (each.name, each.type)):
            self.log.record(Write(ROUTE53, "delete", f"{each.type} record", None, each.name))
        super().delete(records)


class RecordingLeases(MemoryLeases):
    log: Log

    def take(
        self, hosted_cluster: str, operation_id: str, execution: str, seconds: int, over: Lease | None
    ) -> Lease | None:
        taken = super().take(hosted_cluster, operation_id, execution, seconds, over)
        if taken:
            self._told(hosted_cluster, "taken, renewed by each step")
        return taken

    def release(self, hosted_cluster: str, operation_id: str, epoch: int) -> bool:
        released = super().release(hosted_cluster, operation_id, epoch)
        if released:
            self._told(hosted_cluster, "given back")
        return released

    def claim(self, hosted_cluster: str, operation_id: str, epoch: int, owner: str, instead_of: str) -> bool:
        claimed = super().claim(hosted_cluster, operation_id, epoch, owner, instead_of)
        if claimed:
            self._told(hosted_cluster, f"claimed for {owner}")
        return claimed

    def _told(self, hosted_cluster: str, what: str) -> None:
        self.log.record(Write(DYNAMODB, "update", "lease", None, hosted_cluster, what))


def as_planned(writes: Sequence[Write]) -> list[str]:
    """Recorded writes as a plan tells them: a state that was visited again counts once, guest pods are told as one."""
    found: list[str] = []
    step: list[Write] = []
    for each in [*writes, None]:
        if each is not None and each.step == "recover: MakePlan":
            continue  # the plan itself
        if step and (each is None or each.step != step[-1].step):
            found += [_line(one) for one in in_order(step)]
            step = []
        if each is not None:
            step.append(each)
    return list(_once(found))


def _line(write: Write) -> str:
    if write.namespace == NETWORK_NAMESPACE:
        told = "each node's pods that are older than the fence, one node after the other"
        write = Write(write.on, write.verb, write.kind, write.namespace, "*", told, write.step)
    return f"{write.step}| {write.line}"


def _once(lines: Sequence[str]) -> list[str]:
    """Guest pods in a row, told in the same words, are one line of a plan."""
    return [line for before, line in zip(["", *lines], lines, strict=False) if line != before]
