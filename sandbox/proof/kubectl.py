"""An independent eye: what Kubernetes' own `kubectl` sees of a move. None of our clients, none of their code.

Taken before and after: every listable object of a management cluster at once, and the members of etcd by exec.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.plan import ManagementClusterPlan
from sandbox.proof.etcd import EtcdFacts, Member
from sandbox.running import SandboxError

Object = Mapping[str, Any]
Key = tuple[str, str, str]
"""Kind, namespace, name."""

_BY_THE_WAY = ("events", "leases.", "componentstatuses", "customresourcedefinitions.", "apiservices.")
"""What comes and goes by itself, or is large and belongs to no hosted cluster."""
_ETCDCTL = (
    "etcdctl",
    "--cacert=/etc/etcd/tls/etcd-ca/ca.crt",
    "--cert=/etc/etcd/tls/client/etcd-client.crt",
    "--key=/etc/etcd/tls/client/etcd-client.key",
    "--endpoints=https://localhost:2379",
)
_SECONDS = 120


class KubectlError(SandboxError):
    """A command that had to succeed did not; the message is what kubectl said."""


@dataclass(frozen=True)
class Seen:
    """One management cluster as kubectl shows it. `objects` hold neither events nor leases."""

    server: str
    ready_nodes: int
    objects: Mapping[Key, Object]
    etcd: EtcdFacts = field(default_factory=lambda: EtcdFacts(()))

    def of(self, namespace: str) -> dict[Key, Object]:
        return {key: obj for key, obj in self.objects.items() if key[1] == namespace}


class Kubectl:
    """`program` against one management cluster, as its administrator. Caches and settings stay in its folder."""

    def __init__(self, program: str, cluster: ManagementClusterPlan) -> None:
        self._program = program
        self._cluster = cluster
        self._home = cluster.folder / "kubectl"

    def run(self, *arguments: str) -> str:
        """Standard output; KubectlError when it fails."""
        done = self._run(arguments)
        if done.returncode:
            msg = f"kubectl {' '.join(arguments)[:200]} on {self._cluster.name}: {done.stderr.strip()[-300:]}"
            raise KubectlError(msg)
        return done.stdout

    def exists(self, kind: str, name: str, namespace: str = "") -> bool:
        """Whether it is there. Raises KubectlError when kubectl says neither yes nor NotFound."""
        where = [f"--namespace={namespace}"] if namespace else []
        done = self._run(["get", kind, name, *where, "--output=name"])
        if done.returncode and "(NotFound)" not in done.stderr:
            raise KubectlError(done.stderr.strip()[-300:])
        return not done.returncode

    def look(self, namespace: str) -> Seen:
        """Everything, and the etcd of control-plane `namespace` if it has one."""
        kinds = [
            each
            for each in self.run("api-resources", "--verbs=list", "--output=name").split()
            if not each.startswith(_BY_THE_WAY)
        ]
        listed = json.loads(self.run("get", ",".join(kinds), "--all-namespaces", "--output=json"))["items"]
        objects = {_key(each): each for each in listed}
        nodes = [obj for (kind, _, _), obj in objects.items() if kind == "Node"]
        pods = sorted(
            name
            for (kind, where, name), obj in objects.items()
            if (kind, where) == ("Pod", namespace) and (obj["metadata"].get("labels") or {}).get("app") == "etcd"
        )
        return Seen(
            server=json.loads(self.run("version", "--output=json"))["serverVersion"]["gitVersion"],
            ready_nodes=sum(map(is_ready, nodes)),
            objects=objects,
            etcd=self._etcd(namespace, pods),
        )

    def _etcd(self, namespace: str, pods: Iterable[str]) -> EtcdFacts:
        statuses = {pod: self._etcdctl(namespace, pod, "endpoint", "status")[0]["Status"] for pod in pods}
        # Writes go on meanwhile: hashes compare only at one revision that all members have.
        revision = min((each["header"]["revision"] for each in statuses.values()), default=0)
        return EtcdFacts(tuple(self._member(namespace, pod, status, revision) for pod, status in statuses.items()))

    def _member(self, namespace: str, pod: str, status: Any, revision: int) -> Member:
        listed = self._etcdctl(namespace, pod, "member", "list")
        hashed = self._etcdctl(namespace, pod, "endpoint", "hashkv", f"--rev={revision}")[0]["HashKV"]
        counted = self._in_pod(namespace, pod, "get", "/", "--prefix", "--count-only", "--write-out=fields")
        return Member(
            pod=pod,
            cluster_id=listed["header"]["cluster_id"],
            member_id=status["header"]["member_id"],
            names=tuple(sorted(each.get("name", "") for each in listed["members"])),
            revision=status["header"]["revision"],
            keys=int(counted.rpartition('"Count" : ')[2]),
            hash=hashed["hash"],
            version=status["version"],
        )

    def _etcdctl(self, namespace: str, pod: str, *arguments: str) -> Any:
        return json.loads(self._in_pod(namespace, pod, *arguments, "--write-out=json"))

    def _in_pod(self, namespace: str, pod: str, *arguments: str) -> str:
        where = ("exec", f"--namespace={namespace}", pod, "--container=etcd", "--")
        return self.run(*where, *_ETCDCTL, *arguments)

    def _run(self, arguments: Iterable[str]) -> subprocess.CompletedProcess[str]:
        self._home.mkdir(exist_ok=True)
        command = [self._program, f"--kubeconfig={self._cluster.kubeconfig}", f"--cache-dir={self._home}", *arguments]
        # No home but its own: a user's kuberc or proxy is none of the sandbox's.
        environment = {"HOME": str(self._home), "PATH": os.environ["PATH"]}
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
            env=environment,
            cwd=Path(self._home),
            stdin=subprocess.DEVNULL,
        )


def _key(obj: Object) -> Key:
    return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def is_ready(obj: Object) -> bool:
    """Of a Node or a Pod."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
