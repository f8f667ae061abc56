"""A whole move as it is: the machines' own files, the functions' own handlers, over ports in memory that record.

What management clusters, ExternalDNS and etcd do by themselves is done here after each write, in the least way.
"""

from __future__ import annotations

import base64
import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from lifeboat import errors, wiring
from lifeboat.plan import making
from lifeboat.plan.plans import Plan
from lifeboat.plan.world import Live
from lifeboat.plan.writes import Log
from lifeboat.reconciliation import is_paused
from lifeboat.restore import etcd_scripts
from lifeboat.restore.preflight import Outside
from lifeboat.restore.serving import NODE_POOL_TRUE, wanted
from lifeboat.settings import Settings
from tests.statemachine import machines
from tests.statemachine.walker import Run, of_a_function, walk
from tests.unit.a_restored import BALANCER, Members
from tests.unit.backed_up import REGION, a_destination
from tests.unit.builders import HostedClusterBuilder, a_management_cluster, a_pod, an_object, its_neighbour
from tests.unit.memory import (
    MemoryClock,
    MemoryCluster,
    MemoryExecutions,
    MemoryInstances,
    MemorySigner,
    MemoryVpcEndpoints,
)
from tests.unit.memory_aws import MemoryDocuments, MemoryKeys
from tests.unit.plan import private
from tests.unit.plan.recorded import RecordingCluster, RecordingDns, RecordingLeases, RecordingStore
from tests.unit.pods import EtcdPods, framed

ARN = "arn:aws:states:us-east-2:123456789012:execution:lifeboat"
_FUNCTION = re.compile(r"\$\{(\w+)FunctionArn\}")
_TRIES = 4


@dataclass
class Moving:
    """One hosted cluster at mgmt-1 beside its neighbour, and mgmt-2 that is fit to take it."""

    builder: HostedClusterBuilder
    operation: str = "op-1"
    with_neighbour: bool = True
    collects_garbage: bool = False
    plans: bool = False
    """Whether the recovery makes a plan itself, which costs two rehearsals more."""
    withdraws: bool = True
    """Whether the source's ExternalDNS does its work."""
    log: Log = field(default_factory=Log)

    def __post_init__(self) -> None:
        self.source = _recording(a_management_cluster("mgmt-1"), self.log)
        self.source._collects_garbage = self.collects_garbage
        self.destination = _recording(a_destination("mgmt-2"), self.log)
        self.guest = _recording(MemoryCluster(f"hosted cluster {self.builder.ref}"), self.log)
        self.store, self.dns, self.leases = RecordingStore(), RecordingDns(), RecordingLeases()
        for port in (self.store, self.dns, self.leases):
            port.log = self.log
        self.instances, self.signer = MemoryInstances(), MemorySigner()
        self.executions, self.clock = MemoryExecutions(), MemoryClock()
        self.documents, self.keys = MemoryDocuments(), MemoryKeys()
        self.builder.on(self.source, self.dns, self.instances)
        if self.with_neighbour:
            its_neighbour().on(self.source, self.dns, self.instances)
        self.source.add(*_pods_of(self.builder), *_secrets(self.builder))
        self.endpoints = MemoryVpcEndpoints()
        if self.is_private:
            private.at_source(self)
        self.etcd = EtcdPods(store=self.store)
        self.source.exec_handler = self.etcd
        self.members = Members(names=[f"etcd-{n}" for n in range(self.builder._members)], guest=self.guest)
        self.source.after_write = self._at_source
        self.destination.exec_handler = self._exec_at_destination
        self.destination.after_write = self._at_destination
        self.destination.add(self._dns_pod(0))
        self._dns_pods = 0
        for node in range(3):
            labels = {"app": "ovnkube-node"}
            self.guest.add(a_pod(f"ovnkube-node-{node}", "openshift-ovn-kubernetes", labels=labels))
            self.guest._objects["Pod", "openshift-ovn-kubernetes", f"ovnkube-node-{node}"]["spec"]["nodeName"] = (
                f"n{node}"
            )
        self.guest.after_write = self._at_guest

        ports = {each: getattr(self, each) for each in _PORTS}
        clusters = {"mgmt-1": self.source, "mgmt-2": self.destination}
        ports |= {"_clusters": clusters, "guest": lambda _: self.guest, "region": lambda _: REGION, "registry": _All()}
        self._services = {**ports, "plans": self.store, "settings": Settings("bucket", "leases", "key")}

    @property
    def is_private(self) -> bool:
        platform = self.builder._extra_spec.get("platform") or {"aws": {}}
        return platform["aws"].get("endpointAccess", "Public") != "Public"

    @property
    def namespace(self) -> str:
        return self.builder.ref.control_plane_namespace

    @property
    def given(self) -> dict[str, Any]:
        """The input of the recovery."""
        hosted = {"namespace": self.builder.ref.namespace, "name": self.builder.ref.name}
        return {"hostedCluster": hosted, "source": "mgmt-1", "destination": "mgmt-2", "approval": "none"}

    @property
    def outside(self) -> Outside:
        return Outside(lambda _: REGION, self.documents, self.keys, self.instances)

    @property
    def live(self) -> Live:
        clusters = {"mgmt-1": self.source, "mgmt-2": self.destination}
        return Live(
            clusters.__getitem__,
            self.store,
            self.signer,
            self.dns,
            self.instances,
            self.executions,
            self.clock,
            self.outside,
        )

    def plan(self, kind: str = "recover", **data: Any) -> Plan:
        operation = {"id": self.operation, "epoch": 0, "execution": f"{ARN}-{kind}:{self.operation}"}
        told = {"operation": operation, "startedAt": self.clock.now().isoformat(), "etcdRestore": "volumes"}
        return making.make(self.live, kind, {**self.given, **told, **data})

    def run(self, kind: str = "recover", given: dict[str, Any] | None = None, name: str | None = None) -> Run:
        """Walk a machine with the functions' handlers; nested ones as well."""
        name = name or self.operation
        arn = f"{ARN}-{kind}:{name}"
        given = given or self.given
        self.executions.add(arn, given=given)
        states = {state: body for state, body in machines.states(kind) if body["Type"] == "Task"}
        answers = {state: self._answer(kind, name, state, body) for state, body in states.items()}
        with mock.patch.object(wiring, "_client", _Nobody):
            run = walk(kind, given, answers)
        self.executions.add(
            arn, "SUCCEEDED" if run.error is None else "FAILED", given, run.data if not run.error else None
        )
        return run

    def _answer(self, kind: str, name: str, state: str, body: dict[str, Any]) -> Callable[[Any], Any]:
        arn = f"{ARN}-{kind}:{name}"
        context = {
            "<$$.Execution.Id>": arn,
            "<$$.Execution.Name>": name,
            "<$$.Execution.StartTime>": self.clock.now().isoformat(),
        }

        def answer(given: Any) -> Any:
            told = _with_context(given, context)
            called = _FUNCTION.search(str(body))
            if called and called[1] == "MakePlan" and not self.plans:
                return {"begun": False}
            if called:
                with self.log.step(f"{kind}: {state}"):
                    return self._call(called[1], told)
            nested = state.removeprefix("Run").lower()
            run = self.run(nested, told["Input"], told["Name"])
            if run.error:
                raise of_a_function(str(run.error), str(run.cause))
            return {
                "ExecutionArn": f"{ARN}-{nested}:{told['Name']}",
                "StartDate": 1_793_000_000_000,
                "StopDate": 1_793_000_001_000,
                "Output": run.data,
            }

        return answer

    def _call(self, function: str, event: Any) -> Any:
        folder = re.sub(r"(?<!^)(?=[A-Z])", "_", function).lower()
        handler = importlib.import_module(f"functions.{folder}.app")
        kept = dict(vars(handler.services))
        vars(handler.services).update(self._services)
        try:
            for attempt in range(_TRIES):
                try:
                    return handler.handler(event, None)
                except errors.TransientError as error:
                    if attempt == _TRIES - 1:
                        raise of_a_function(type(error).__name__, str(error)) from None
                except errors.LifeboatError as error:
                    raise of_a_function(type(error).__name__, str(error)) from error
        finally:
            self._services = dict(vars(handler.services))
            vars(handler.services).clear()
            vars(handler.services).update(kept)
        raise AssertionError("unreachable")

    def _at_source(self, cluster: MemoryCluster) -> None:
        """Deployments follow, pods of what is at zero go, ExternalDNS withdraws names without a Route."""
        _workloads_follow(cluster)
        if self.withdraws and not [
            each for each in cluster.objects("Route") if each["metadata"]["namespace"] == self.namespace
        ]:
            mine = {self.builder.hostname(each) for each in self.builder._services}
            self.dns.held = [each for each in self.dns.held if _host_of(each.name) not in mine]

    def _at_destination(self, cluster: MemoryCluster) -> None:
        """Pods run; once the HostedCluster is there, everything comes up."""
        for (kind, namespace, _), each in list(cluster._objects.items()):
            if kind == "Pod" and namespace == self.namespace and "status" not in each:
                each["status"] = {"phase": "Running", "containerStatuses": [{"name": "restore", "ready": True}]}
        if not any((kind, where) == ("Pod", "hypershift") for kind, where, _ in cluster._objects):
            self._dns_pods += 1
            cluster.add(self._dns_pod(self._dns_pods))
        hosted = cluster._objects.get(("HostedCluster", self.builder.ref.namespace, self.builder.ref.name))
        if hosted is not None and "status" not in hosted:
            self._comes_up(cluster, hosted)
        for each in cluster._objects.values():
            if each["kind"] == "NodePool":
                active = "False" if is_paused(each["spec"].get("pausedUntil"), self.clock.now()) else "True"
                told = dict.fromkeys(("ValidMachineConfig", *NODE_POOL_TRUE), "True") | {"ReconciliationActive": active}
                each["status"] = {"conditions": [{"type": name, "status": status} for name, status in told.items()]}

    def _comes_up(self, cluster: MemoryCluster, hosted: dict[str, Any]) -> None:
        conditions = [{"type": name, "status": "True"} for name in wanted(hosted)]
        hosted["status"] = {"conditions": [*conditions, {"type": "Degraded", "status": "False"}]}
        members = self.builder._members
        spec = {
            "replicas": members,
            "selector": {"matchLabels": {"app": "etcd"}},
            "template": {"spec": {"containers": []}},
        }
        status = {"replicas": members, "readyReplicas": members}
        ingress = {"loadBalancer": {"ingress": [{"hostname": BALANCER}]}}
        cluster.add(
            an_object("apps/v1", "StatefulSet", "etcd", self.namespace, spec=spec, status=status),
            an_object("v1", "Service", "router", self.namespace, status=ingress),
            *(a_pod(f"etcd-{n}", self.namespace, labels={"app": "etcd"}, container="etcd") for n in range(members)),
            *(private.comes_up(self) if self.is_private else ()),
        )
        cluster._objects["Cluster", self.namespace, self.builder.infra_id]["spec"]["paused"] = False
        for service in self.builder._services:
            self.dns.add(self.builder.hostname(service), "CNAME", BALANCER)

    def _at_guest(self, cluster: MemoryCluster) -> None:
        """A pod that was deleted comes back, new and ready."""
        there = {each["spec"]["nodeName"] for each in cluster.objects("Pod")}
        for node in {"n0", "n1", "n2"} - there:
            pod = a_pod(f"ovnkube-node-{node}-new", "openshift-ovn-kubernetes", labels={"app": "ovnkube-node"})
            pod["spec"]["nodeName"] = node
            pod["metadata"]["creationTimestamp"] = "2026-11-04T00:00:00Z"
            pod["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
            cluster.add(pod)

    def _exec_at_destination(self, namespace: str, pod: str, container: str, command: Any, stdin: str) -> Any:
        script, *arguments = command[4:]
        if script == etcd_scripts.START:
            return framed("started\n")
        if script == etcd_scripts.STATUS:
            return framed(f"done {arguments[1]}\n")
        return self._members(namespace, pod, container, command, stdin)

    def _members(self, namespace: str, pod: str, container: str, command: Any, stdin: str) -> Any:
        assert namespace == self.namespace
        return self.members("clusters-blue", pod, container, command, stdin)

    def _dns_pod(self, number: int) -> dict[str, Any]:
        pod = a_pod(f"external-dns-{number}", "hypershift", labels={"app": "external-dns"})
        pod["metadata"]["uid"] = f"external-dns-{number}"
        pod["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
        return pod


class _Nobody:
    """A service of AWS that a move has no business with: the first call to it fails."""

    def __init__(self, service: str) -> None:
        self.service = service

    def __getattr__(self, name: str) -> Any:
        msg = f"{self.service}: {name}"
        raise AssertionError(msg)


class _All:
    def knows(self, name: str) -> bool:
        return True


_PORTS = ("store", "signer", "dns", "instances", "executions", "clock", "leases", "documents", "keys", "endpoints")


def _recording(cluster: MemoryCluster, log: Log) -> RecordingCluster:
    cluster.__class__ = RecordingCluster
    assert isinstance(cluster, RecordingCluster)
    cluster.log = log
    return cluster


def _pods_of(builder: HostedClusterBuilder) -> list[dict[str, Any]]:
    """A pod of each controller and writer, and of the operator."""
    namespace = builder.ref.control_plane_namespace
    there = [name for name, count in builder._replicas.items() if count]
    pods = [a_pod(f"{name}-1", namespace, labels={"app": name}) for name in there]
    return [*pods, a_pod("operator-1", "hypershift", labels={"app": "operator"})]


def _secrets(builder: HostedClusterBuilder) -> list[dict[str, Any]]:
    """Those whose content counts: the pull secret and the key of etcd's encryption."""
    namespace, name = builder.ref.namespace, f"{builder.ref.name}-etcd-encryption-key"
    pull = {".dockerconfigjson": base64.b64encode(b'{"auths":{}}').decode()}
    key = {"key": base64.b64encode(bytes(range(32))).decode()}
    return [
        an_object("v1", "Secret", "pull-secret", namespace, type="kubernetes.io/dockerconfigjson", data=pull),
        an_object("v1", "Secret", name, namespace, type="Opaque", data=key),
    ]


def _workloads_follow(cluster: MemoryCluster) -> None:
    """Status follows spec, and what is at zero has no pods."""
    there = list(cluster._objects.items())
    for (kind, namespace, _), each in there:
        if kind not in {"Deployment", "StatefulSet"}:
            continue
        count = each["spec"]["replicas"]
        each["status"] = {"replicas": count, "readyReplicas": count}
        labels = each["spec"]["selector"]["matchLabels"]
        for key, pod in there if not count else ():
            if key[:2] == ("Pod", namespace) and labels.items() <= pod["metadata"]["labels"].items():
                cluster._objects.pop(key, None)


def _host_of(name: str) -> str:
    return name.replace("-external-dns", "")


def _with_context(given: Any, context: dict[str, str]) -> Any:
    if isinstance(given, dict):
        return {key: _with_context(value, context) for key, value in given.items()}
    if isinstance(given, list):
        return [_with_context(each, context) for each in given]
    if isinstance(given, str) and "<$$." in given:
        for placeholder, value in context.items():
            given = given.replace(placeholder, value)
    return given


def cut_off(moving: Moving, function: str) -> Run:
    """A recovery that is stopped for good at one of its functions, its source left as it is then."""
    call = moving._call
    stopped = {function, "ResumeSource", "CheckSourceServing", "RestoreSourceAutoRepair"}

    def broken(called: str, event: Any) -> Any:
        if called in stopped:
            raise of_a_function(errors.UnexpectedError.__name__, "stopped")
        return call(called, event)

    with mock.patch.object(moving, "_call", broken):
        return moving.run()
