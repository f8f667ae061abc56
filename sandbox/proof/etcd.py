"""The etcd of a hosted cluster, asked in each of its pods with the commands an operator types."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import Any

from kubernetes.stream import stream

from sandbox.client import PODS
from sandbox.plan import ManagementClusterPlan
from sandbox.proof.clients import client_of, core_of

ETCDCTL = (
    "ETCDCTL_API=3 etcdctl --cacert /etc/etcd/tls/etcd-ca/ca.crt --cert /etc/etcd/tls/client/etcd-client.crt "
    "--key /etc/etcd/tls/client/etcd-client.key --endpoints=https://localhost:2379"
)
PASSING = ("/kubernetes.io/events/", "/kubernetes.io/leases/", "/kubernetes.io/masterleases/")
"""Where keys lie that no restore need bring back."""


@dataclass(frozen=True)
class Member:
    """One etcd pod's view."""

    pod: str
    cluster_id: int
    member_id: int
    names: tuple[str, ...]
    revision: int
    keys: int
    hash: int
    version: str


@dataclass(frozen=True)
class EtcdFacts:
    """All members' views."""

    members: tuple[Member, ...]

    @property
    def is_one_cluster(self) -> bool:
        """One cluster id and the same data; every member knows all the others; all ids differ."""
        return (
            len({each.cluster_id for each in self.members}) == 1
            and len({each.member_id for each in self.members}) == len(self.members)
            and len({each.hash for each in self.members}) == 1
            and all(each.names == tuple(sorted(pod.pod for pod in self.members)) for each in self.members)
        )

    @property
    def revision(self) -> int:
        return max((each.revision for each in self.members), default=0)

    @property
    def versions(self) -> frozenset[str]:
        return frozenset(each.version for each in self.members)

    @property
    def keys(self) -> int:
        return max((each.keys for each in self.members), default=0)


def facts(cluster: ManagementClusterPlan, namespace: str) -> EtcdFacts:
    """Ask every etcd pod of a control-plane namespace. No pods, no members."""
    found = client_of(cluster).list(PODS, namespace, labels="app=etcd")
    pods = sorted(each["metadata"]["name"] for each in found)
    # Writes go on meanwhile: hashes compare only at one revision that all members have.
    statuses = [_ask(cluster, namespace, pod, "endpoint status")[0]["Status"] for pod in pods]
    revision = min((status["header"]["revision"] for status in statuses), default=0)
    return EtcdFacts(tuple(_member(cluster, namespace, pod, revision) for pod in pods))


def read_prefix(cluster: ManagementClusterPlan, namespace: str, pod: str, prefix: str) -> dict[str, str]:
    """Every key below a prefix with its value."""
    return _get(cluster, namespace, pod, prefix)


def lasting_keys(cluster: ManagementClusterPlan, namespace: str, pod: str) -> frozenset[str]:
    """Every key but those that end by themselves: events and leases live under an etcd lease, or come and go."""
    return frozenset(key for key in _get(cluster, namespace, pod, "/ --keys-only") if not key.startswith(PASSING))


def _get(cluster: ManagementClusterPlan, namespace: str, pod: str, which: str) -> dict[str, str]:
    text = run(cluster, namespace, pod, f"{ETCDCTL} get --prefix {which} -w json | gzip -c | base64 -w0", timeout=120)
    document = json.loads(zlib.decompress(base64.b64decode(text), wbits=31))
    return {
        base64.b64decode(each["key"]).decode(): base64.b64decode(each.get("value", "")).decode(errors="replace")
        for each in document.get("kvs", ())
    }


def run(cluster: ManagementClusterPlan, namespace: str, pod: str, script: str, timeout: float = 60) -> str:
    """Output of a shell script in the pod's etcd container; its length and digest are checked.

    Raises RuntimeError when the script fails or its output arrives cut.
    """
    framed = f'out=$({script}) || exit $?; printf "%s\\n" "$out"; printf %s "$out" | sha256sum'
    socket = stream(
        core_of(cluster).connect_get_namespaced_pod_exec,
        pod,
        namespace,
        container="etcd",
        command=["sh", "-c", framed],
        stdin=False,
        stdout=True,
        stderr=True,
        tty=False,
        _preload_content=False,
    )
    socket.run_forever(timeout=timeout)
    output: str = socket.read_stdout(timeout=0)
    errors: str = socket.read_stderr(timeout=0)
    socket.close()
    socket.sock.shutdown()  # `close` leaves the descriptor open once the other side has said goodbye
    body, _, digest = output.rstrip("\n").rpartition("\n")
    if hashlib.sha256(body.encode()).hexdigest() != digest.split(" ")[0]:
        msg = f"exec in {namespace}/{pod} on {cluster.name}: {errors[-300:] or output[-300:]!r}"
        raise RuntimeError(msg)
    return body


def _ask(cluster: ManagementClusterPlan, namespace: str, pod: str, command: str) -> Any:
    return json.loads(run(cluster, namespace, pod, f"{ETCDCTL} {command} -w json"))


def _member(cluster: ManagementClusterPlan, namespace: str, pod: str, revision: int) -> Member:
    listed = _ask(cluster, namespace, pod, "member list")
    status = _ask(cluster, namespace, pod, "endpoint status")[0]["Status"]
    hashed = _ask(cluster, namespace, pod, f"endpoint hashkv --rev={revision}")[0]["HashKV"]
    count = run(cluster, namespace, pod, f"{ETCDCTL} get --prefix / --count-only -w fields")
    return Member(
        pod=pod,
        cluster_id=listed["header"]["cluster_id"],
        member_id=status["header"]["member_id"],
        names=tuple(sorted(each.get("name", "") for each in listed["members"])),
        revision=status["header"]["revision"],
        keys=int(count.rpartition('"Count" : ')[2]),
        hash=hashed["hash"],
        version=status["version"],
    )
