"""`blue` as it looks at mgmt-2 once everything went well; a test then breaks one thing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lifeboat.etcd import scripts
from lifeboat.ports import ExecResult
from lifeboat.restore.serving import wanted
from lifeboat.verification.restored import Restored
from tests.unit.a_move import FirstHalf
from tests.unit.builders import a_management_cluster, a_pod, an_object, blue
from tests.unit.memory import MemoryCluster, MemoryVpcEndpoints
from tests.unit.memory_aws import MemoryDocuments
from tests.unit.pods import framed

GOOD = {**dict.fromkeys(wanted(blue().hosted_cluster()), "True"), "Degraded": "False"}
BALANCER = "lb-127-9-40-1.elb.us-east-2.amazonaws.example"


@dataclass
class Members:
    """Three etcd pods that answer etcdctl; each can be made to say something else."""

    cluster_ids: dict[str, int] = field(default_factory=dict)
    hashes: dict[str, int] = field(default_factory=dict)
    compacted: dict[str, int] = field(default_factory=dict)
    revision: int = 1_000_004_711
    keys: int = 3000
    names: Sequence[str] = ("etcd-0", "etcd-1", "etcd-2")
    silent: set[str] = field(default_factory=set)
    guest: MemoryCluster | None = None
    """The hosted API whose objects this etcd holds."""

    def __call__(self, namespace: str, pod: str, container: str, command: Sequence[str], stdin: str) -> ExecResult:
        script, *arguments = command[4:]
        assert (namespace, container, script) == ("clusters-blue", "etcd", scripts.ETCDCTL)
        if pod in self.silent:
            return framed("context deadline exceeded", 1)
        header = {"cluster_id": self.cluster_ids.get(pod, 77), "member_id": 1, "revision": self.revision}
        match arguments[:2]:
            case ["get", "/kubernetes.io/configmaps/default/lifeboat-probe"]:
                there = self.guest.objects("ConfigMap") if self.guest else []
                kvs = [{"mod_revision": int(each["metadata"]["resourceVersion"])} for each in there]
                return framed(json.dumps({"header": header, **({"kvs": kvs} if kvs else {})}))
            case ["member", "list"]:
                known = [{"ID": n, "name": name, "clientURLs": ["x"]} for n, name in enumerate(self.names)]
                return framed(json.dumps({"header": header, "members": known}))
            case ["endpoint", "status"]:
                status = {"header": header, "leader": 1, "raftIndex": 5, "dbSize": 9, "version": "3.5.18"}
                return framed(json.dumps([{"Endpoint": "e", "Status": status}]))
            case ["endpoint", "hashkv"]:
                assert arguments[2] == f"--rev={self.revision}"
                answer = {"hash": self.hashes.get(pod, 5), "compact_revision": self.compacted.get(pod, -1)}
                return framed(json.dumps([{"Endpoint": "e", "HashKV": answer}]))
        return framed(f'"Count" : {self.keys}\n')


class World:
    """Everything that a verification looks at."""

    def __init__(self) -> None:
        self.half = FirstHalf().fenced()
        self.destination = a_management_cluster("mgmt-2", operator_replicas=1)
        builder = self.half.hosted
        self.destination.add(*(each for each in builder.objects() if each["kind"] != "Pod"))
        ingress = {"loadBalancer": {"ingress": [{"hostname": BALANCER}]}}
        self.destination.add(an_object("v1", "Service", "router", "clusters-blue", status=ingress))
        self.destination.add(a_pod("etcd-0", "clusters-blue", labels={"app": "etcd"}, container="etcd"))
        self.set_conditions(**GOOD)
        for service in ("APIServer", "OAuthServer", "Konnectivity", "Ignition"):
            self.half.dns.add(builder.hostname(service), "CNAME", BALANCER)
        self.guest = MemoryCluster("hosted cluster clusters/blue")
        self.endpoints = MemoryVpcEndpoints()
        self.documents = MemoryDocuments()
        self.members = Members(guest=self.guest)
        self.destination.exec_handler = self.members

    def set_conditions(self, **conditions: str) -> None:
        held = self.held("HostedCluster", "clusters", "blue")
        held["status"]["conditions"] = [{"type": kind, "status": status} for kind, status in conditions.items()]

    def held(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        return self.destination._objects[kind, namespace, name]

    @property
    def instances(self) -> dict[str, str]:
        return self.half.instances.states["blue-x7k2p"]

    @property
    def restored(self) -> Restored:
        half, move = self.half, self.half.move
        return Restored(
            destination=self.destination,
            guest=lambda: self.guest,
            dns=half.dns,
            instances=half.instances,
            endpoints=self.endpoints,
            documents=self.documents,
            record=move.record,
            state=move.state,
            operation_id="op-1",
        )
