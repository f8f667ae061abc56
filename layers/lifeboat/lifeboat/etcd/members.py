"""The members of a hosted cluster's etcd, as their pods tell."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lifeboat import podshell
from lifeboat.errors import ApiUnavailableError, EtcdNotReadyError, ExecIncompleteError, ObjectRefusedError
from lifeboat.etcd import scripts
from lifeboat.model import Manifest
from lifeboat.podshell import PodRef
from lifeboat.ports import ManagementCluster
from lifeboat.resources import PODS, STATEFUL_SETS

STATEFUL_SET = CONTAINER = "etcd"
_POD_NAME = re.compile(r"etcd-\d+")


@dataclass(frozen=True)
class MemberStatus:
    """`etcdctl endpoint status` of one pod, asked at its own endpoint. `db_size` in bytes."""

    pod: str
    member_id: int
    cluster_id: int
    leader: int
    revision: int
    raft_index: int
    db_size: int
    version: str

    @property
    def is_leader(self) -> bool:
        return self.leader == self.member_id


def stateful_sets(cluster: ManagementCluster, namespace: str) -> list[Manifest]:
    """`etcd` and its shards (`etcd-<shard>`), if it has any."""
    there = cluster.list_objects(STATEFUL_SETS, namespace)
    return [each for each in there if re.fullmatch(r"etcd(-.+)?", each["metadata"]["name"])]


def pods(cluster: ManagementCluster, namespace: str) -> list[PodRef]:
    """The pods `etcd-N` whose container `etcd` runs, by ordinal."""
    there = [
        each["metadata"]["name"]
        for each in cluster.list_objects(PODS, namespace, labels="app=etcd")
        if _POD_NAME.fullmatch(each["metadata"]["name"]) and _runs(each)
    ]
    return [PodRef(namespace, name, CONTAINER) for name in sorted(there, key=lambda name: int(name.split("-")[1]))]


def etcdctl(cluster: ManagementCluster, pod: PodRef, *arguments: str, timeout: float = 30) -> podshell.ScriptResult:
    """Run etcdctl in a pod against its own member, with the client certificate that is there.

    On success the output is stdout alone, otherwise what was said on stderr.
    """
    return podshell.run(cluster, pod, scripts.ETCDCTL, *arguments, timeout=timeout)


def status(cluster: ManagementCluster, pod: PodRef) -> MemberStatus:
    """Ask one member; EtcdNotReadyError, with its words, when it does not answer."""
    said = etcdctl(cluster, pod, "endpoint", "status", "-w", "json")
    if said.exit_code:
        msg = f"etcd in {pod} does not answer: {last_line(said.output)}"
        raise EtcdNotReadyError(msg)
    answer = said.json()[0]["Status"]
    header = answer["header"]
    return MemberStatus(
        pod=pod.name,
        member_id=header["member_id"],
        cluster_id=header["cluster_id"],
        leader=answer.get("leader", 0),
        revision=header["revision"],
        raft_index=answer["raftIndex"],
        db_size=answer["dbSize"],
        version=answer["version"],
    )


def statuses(cluster: ManagementCluster, namespace: str) -> tuple[list[MemberStatus], list[str]]:
    """The members that answer, and what the others said.

    Raises EtcdNotReadyError when none answers.
    """
    answering: list[MemberStatus] = []
    silent: list[str] = []
    for pod in pods(cluster, namespace):
        try:
            answering.append(status(cluster, pod))
        except (EtcdNotReadyError, ApiUnavailableError, ExecIncompleteError, ObjectRefusedError) as error:
            silent.append(str(error))
    if not answering:
        msg = f"no member of etcd in {namespace} answers: {'; '.join(silent) or 'there is no running pod'}"
        raise EtcdNotReadyError(msg)
    return answering, silent


def has_members(cluster: ManagementCluster, namespace: str) -> bool:
    """Whether etcd is there and meant to run; a teardown stops it, then deletes it."""
    there = _stateful_set(cluster, namespace)
    return bool(there and not there["metadata"].get("deletionTimestamp") and there["spec"].get("replicas", 1))


def quorum(cluster: ManagementCluster, namespace: str) -> list[MemberStatus]:
    """The members that answer, at least a quorum: what etcd acknowledged, one of them knows.

    Raises EtcdNotReadyError when fewer answer.
    """
    there, silent = statuses(cluster, namespace)
    stateful_set = _stateful_set(cluster, namespace)
    wanted = int(stateful_set["spec"].get("replicas", 1)) if stateful_set else len(there) + len(silent)
    if len(there) < wanted // 2 + 1:
        msg = f"only {len(there)} of {wanted} members of etcd in {namespace} answer, no quorum: {'; '.join(silent)}"
        raise EtcdNotReadyError(msg)
    return there


def alarms(cluster: ManagementCluster, pod: PodRef) -> list[str]:
    """Active alarms (`NOSPACE`, `CORRUPT`) of the whole etcd; EtcdNotReadyError when it does not tell."""
    said = etcdctl(cluster, pod, "alarm", "list")
    if said.exit_code:
        msg = f"etcd in {pod} does not tell its alarms: {last_line(said.output)}"
        raise EtcdNotReadyError(msg)
    return sorted(set(re.findall(r"alarm:(\w+)", said.output)))


def count_keys(cluster: ManagementCluster, pod: PodRef, revision: int = 0) -> int:
    """How many keys there are, now or at a revision that was not compacted yet (a linearizable read)."""
    at = [f"--rev={revision}"] if revision else []
    said = etcdctl(cluster, pod, "get", "", "--prefix", "--count-only", *at, "-w", "fields")
    count = re.search(r'^"Count" : (\d+)$', said.output, re.MULTILINE)
    if said.exit_code or not count:
        msg = f"etcd in {pod} does not count its keys: {last_line(said.output)}"
        raise EtcdNotReadyError(msg)
    return int(count[1])


def facts(result: podshell.ScriptResult) -> dict[str, str]:
    """The `key=value` lines of a script; EtcdNotReadyError when it failed."""
    if result.exit_code:
        msg = f"a check in an etcd pod failed ({result.exit_code}): {last_line(result.output)}"
        raise EtcdNotReadyError(msg)
    pairs = (line.partition("=") for line in result.output.splitlines() if "=" in line)
    return {name: value for name, _, value in pairs}


def last_line(text: str) -> str:
    """What a program said last, cut to a length that fits into a message."""
    return (text.strip().splitlines() or ["(nothing said)"])[-1][:300]


def _stateful_set(cluster: ManagementCluster, namespace: str) -> Manifest | None:
    return cluster.get(STATEFUL_SETS, namespace, STATEFUL_SET)


def _runs(pod: Manifest) -> bool:
    containers = (pod.get("status") or {}).get("containerStatuses") or ()
    return any(each["name"] == CONTAINER and "running" in (each.get("state") or {}) for each in containers)
