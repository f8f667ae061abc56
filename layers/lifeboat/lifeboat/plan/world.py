"""Everything that a rehearsal works on: live ports to read from, rehearsed ones to write to."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lifeboat.errors import ObjectRefusedError
from lifeboat.model import HostedClusterRef, Manifest, Operation, Task
from lifeboat.plan.cluster import Reader, RehearsedCluster
from lifeboat.plan.scripts import RehearsedPods
from lifeboat.plan.store import RehearsedStore
from lifeboat.plan.writes import DYNAMODB, ROUTE53, Log, Write
from lifeboat.ports import (
    Clock,
    Dns,
    DnsRecord,
    ExecResult,
    Execution,
    Executions,
    Instances,
    ObjectStore,
    Signer,
)
from lifeboat.resources import Resource
from lifeboat.restore.preflight import Outside

ACCOUNT = "arn:aws:states:::execution"


@dataclass(frozen=True)
class Live:
    """The ports of a function, as far as a plan asks them."""

    cluster: Callable[[str], Reader]
    """A registered management cluster by its name."""
    store: ObjectStore
    signer: Signer
    dns: Dns
    instances: Instances
    executions: Executions
    clock: Clock
    outside: Outside


class RehearsedDns:
    """`ports.Dns`: what is deleted, or withdrawn by an ExternalDNS, is no longer there."""

    def __init__(self, live: Dns, log: Log) -> None:
        self._live, self._log = live, log
        self._gone: set[str] = set()

    def records(self, names: Sequence[str]) -> list[DnsRecord]:
        left = [each for each in names if each not in self._gone]
        return self._live.records(left) if left else []

    def delete(self, records: Sequence[DnsRecord]) -> None:
        for each in sorted(records, key=lambda each: (each.name, each.type)):
            self._log.record(Write(ROUTE53, "delete", f"{each.type} record", None, each.name))

    def create(self, records: Sequence[DnsRecord]) -> None:
        for each in sorted(records, key=lambda each: (each.name, each.type)):
            self._log.record(Write(ROUTE53, "create", f"{each.type} record", None, each.name))

    def withdrawn(self, names: Sequence[str]) -> None:
        """The source's ExternalDNS takes them off, or a deletion is through: the wait for that is over."""
        self._gone.update(names)


class RehearsedSigner:
    """`ports.Signer`: its signatures hold for this rehearsal alone; those of the real key are verified by that."""

    key_id = "rehearsal"

    def __init__(self, live: Signer) -> None:
        self._live, self._secret = live, secrets.token_bytes(32)

    def sign(self, digest: bytes) -> bytes:
        return hashlib.sha256(self._secret + digest).digest()

    def verify(self, digest: bytes, signature: bytes) -> bool:
        return signature == self.sign(digest) or self._live.verify(digest, signature)


class RehearsedExecutions:
    """`ports.Executions`: the live ones, and those that the rehearsal ended."""

    def __init__(self, live: Executions) -> None:
        self._live = live
        self._ended: dict[str, Execution] = {}

    def describe(self, arn: str) -> Execution | None:
        return self._ended.get(arn) or self._live.describe(arn)

    def running(self, machine: str) -> list[str]:
        return self._live.running(machine)

    def stop(self, arn: str, cause: str) -> None:
        msg = f"a rehearsal stops no execution ({arn})"
        raise ObjectRefusedError(msg)

    def ended(self, execution: Execution) -> None:
        self._ended[execution.arn] = execution


@dataclass
class World:
    """One rehearsal: its ports, and the data of the machine that is rehearsed."""

    live: Live
    hosted: HostedClusterRef
    operation: Operation
    data: dict[str, Any]
    log: Log = field(default_factory=Log)

    def __post_init__(self) -> None:
        self.store = RehearsedStore(self.live.store, self.log)
        self.pods = RehearsedPods(self.store)
        self.dns = RehearsedDns(self.live.dns, self.log)
        self.signer = RehearsedSigner(self.live.signer)
        self.executions = RehearsedExecutions(self.live.executions)
        self.instances, self.clock, self.outside = self.live.instances, self.live.clock, self.live.outside
        self._clusters: dict[str, RehearsedCluster] = {}

    def cluster(self, name: str) -> RehearsedCluster:
        """A management cluster, rehearsed; the same one whenever it is asked for."""
        if name not in self._clusters:
            self._clusters[name] = RehearsedCluster(self.live.cluster(name), self.log, self.pods)
        return self._clusters[name]

    @property
    def source(self) -> RehearsedCluster:
        return self.cluster(self.data["source"])

    @property
    def destination(self) -> RehearsedCluster:
        return self.cluster(self.data["destination"])

    @property
    def guest(self) -> RehearsedCluster:
        """The hosted cluster's own API as it will be: nothing of it is read."""
        return RehearsedCluster(_Unseen(f"hosted cluster {self.hosted}"), self.log, self.pods)

    def task(self, **parameters: Any) -> Task:
        """What a state hands to its function."""
        return Task.from_event({"task": self.data, **parameters} if parameters else self.data)

    def lease(self, what: str) -> None:
        self.log.record(Write(DYNAMODB, "update", "lease", None, str(self.hosted), what))


class _Unseen:
    """A cluster that is not asked: there is nothing in it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def version_of(self, resource: Resource) -> str:
        return resource.version or "v1"

    def get(self, resource: Resource, namespace: str | None, name: str) -> Manifest | None:
        return None

    def list_objects(
        self, resource: Resource, namespace: str | None = None, *, labels: str | None = None
    ) -> list[Manifest]:
        return []

    def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, stdin: str = "", timeout: float = 60
    ) -> ExecResult:
        msg = f"{self.name} is not there yet"
        raise ObjectRefusedError(msg)

    def may(self, verb: str, resource: Resource, namespace: str | None = None, *, subresource: str = "") -> bool:
        return True


def ended(arn: str, given: Mapping[str, Any], output: Mapping[str, Any], clock: Clock) -> Execution:
    """An execution that succeeded."""
    return Execution(arn, "SUCCEEDED", clock.now(), given, output)
