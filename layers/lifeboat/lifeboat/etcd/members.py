"""The members of a hosted cluster's etcd, as their pods tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
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
_PATIENCE = 12
"""Seconds for a member to tell its status. etcdctl gives up after 7; two silent nodes must not use up a function."""
_LINEARIZABLE_READ = ("get", "lifeboat", "--count-only", "--consistency=l", "-w", "fields")
"""Of a key that need not exist."""


_ALARM = re.compile(r"memberID:(\d+) alarm:(\w+)")
_SILENCE = (EtcdNotReadyError, ApiUnavailableError, ExecIncompleteError, ObjectRefusedError)


@dataclass(frozen=True)
class Alarm:
    """`NOSPACE` or `CORRUPT`, and the member it is about; 0: etcd does not know which."""

    name: str
    member_id: int


@dataclass(frozen=True)
class MemberStatus:
    """`etcdctl endpoint status` of one pod, asked at its own endpoint: what this member knows by itself.

    None of it needs a quorum, so a member that is alone tells as well. Sizes in bytes.
    """

    pod: str
    member_id: int
    cluster_id: int
    leader: int
    """0: it follows none."""
    revision: int
    raft_index: int
    """The newest entry that it knows to be committed."""
    db_size: int
    version: str
    applied_index: int = 0
    """The newest entry that is in its database."""
    db_size_in_use: int = 0
    is_learner: bool = False
    alarms: tuple[Alarm, ...] = ()
    """Of the whole etcd, as this member has them in its database: they travel inside a snapshot."""

    @property
    def is_leader(self) -> bool:
        return self.leader == self.member_id


@dataclass(frozen=True)
class Answers:
    """One look at all members of an etcd."""

    wanted: int
    """Members by the StatefulSet."""
    there: tuple[MemberStatus, ...]
    """Those that answer, at least one."""
    silent: dict[str, str]
    """The others by pod, and why they do not."""

    @property
    def voters(self) -> list[MemberStatus]:
        return [each for each in self.there if not each.is_learner]

    @property
    def is_majority(self) -> bool:
        return len(self.voters) >= self.wanted // 2 + 1

    @property
    def alarms(self) -> list[Alarm]:
        """All that any member tells, by name."""
        return sorted({each for one in self.there for each in one.alarms}, key=lambda each: (each.name, each.member_id))

    def silence(self) -> str:
        """Who does not answer and why, in one line; empty when all do."""
        return "; ".join(f"{pod}: {why}" for pod, why in self.silent.items())


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
    said = etcdctl(cluster, pod, "endpoint", "status", "-w", "json", timeout=_PATIENCE)
    if said.exit_code:
        msg = f"etcd in {pod} does not answer: {last_line(said.output)}"
        raise EtcdNotReadyError(msg)
    try:
        answer = said.json()[0]["Status"]
        header = answer["header"]
        return MemberStatus(
            pod=pod.name,
            member_id=header["member_id"],
            cluster_id=header["cluster_id"],
            # etcd's JSON leaves out what is 0, false or empty
            leader=answer.get("leader", 0),
            revision=header.get("revision", 0),
            raft_index=answer.get("raftIndex", 0),
            db_size=answer.get("dbSize", 0),
            version=answer["version"],
            applied_index=answer.get("raftAppliedIndex", 0),
            db_size_in_use=answer.get("dbSizeInUse", 0),
            is_learner=answer.get("isLearner", False),
            alarms=_alarms(answer.get("errors") or ()),
        )
    except (KeyError, IndexError, TypeError, AttributeError):
        msg = f"etcd in {pod} tells its status in a form that is not known: {last_line(said.output)}"
        raise EtcdNotReadyError(msg) from None


def ask(cluster: ManagementCluster, namespace: str) -> Answers:
    """Ask every member that the StatefulSet wants, and any pod beside these, side by side.

    Raises EtcdNotReadyError when none answers.
    """
    running = pods(cluster, namespace)
    stateful_set = _stateful_set(cluster, namespace)
    wanted = int(stateful_set["spec"].get("replicas", 1)) if stateful_set else len(running)
    there: list[MemberStatus] = []
    silent = {f"{STATEFUL_SET}-{ordinal}": "it has no running container" for ordinal in range(wanted)}

    def told(pod: PodRef) -> MemberStatus | str:
        try:
            return status(cluster, pod)
        except _SILENCE as error:
            return str(error)

    with ThreadPoolExecutor(max(len(running), 1)) as pool:  # an API server takes half a minute to give up a dead node
        for pod, answer in zip(running, pool.map(told, running), strict=True):
            silent.pop(pod.name, None)
            if isinstance(answer, str):
                silent[pod.name] = answer
            else:
                there.append(answer)
    found = Answers(wanted, tuple(there), silent)
    if not there:
        msg = f"no member of etcd in {namespace} answers: {found.silence() or 'there is no running pod'}"
        raise EtcdNotReadyError(msg)
    return found


def statuses(cluster: ManagementCluster, namespace: str) -> tuple[list[MemberStatus], list[str]]:
    """The members that answer, and what the others said.

    Raises EtcdNotReadyError when none answers.
    """
    found = ask(cluster, namespace)
    return list(found.there), list(found.silent.values())


def acknowledged(cluster: ManagementCluster, namespace: str, found: Answers) -> int | None:
    """The revision up to which etcd acknowledged writes, by a linearizable read; None without a quorum.

    A quorum is that most members answer and one of them makes such a read, which waits out an election. A leader that
    one member alone knows of is not enough: who answers no exec can neither be asked nor be saved. Answers alone are
    not enough either: these members may not reach each other.
    """
    if not found.is_majority:
        return None
    newest = max(found.voters, key=lambda each: each.applied_index)
    said = etcdctl(cluster, PodRef(namespace, newest.pod, CONTAINER), *_LINEARIZABLE_READ)
    revision = re.search(r'^"Revision" : (\d+)$', said.output, re.MULTILINE)
    return int(revision[1]) if said.exit_code == 0 and revision else None


def has_members(cluster: ManagementCluster, namespace: str) -> bool:
    """Whether etcd is there and meant to run; a teardown stops it, then deletes it."""
    there = _stateful_set(cluster, namespace)
    return bool(there and not there["metadata"].get("deletionTimestamp") and there["spec"].get("replicas", 1))


def no_quorum(namespace: str, found: Answers) -> str:
    """That there is none, in one line."""
    count = f"only {len(found.voters)} of {found.wanted} members of etcd in {namespace} answer"
    return f"{count}, no quorum: {found.silence() or 'they do not reach each other'}"


def count_keys(cluster: ManagementCluster, pod: PodRef, revision: int = 0, *, serializable: bool = False) -> int:
    """How many keys there are, now or at a revision that was not compacted yet.

    `serializable`: as this member has them, which needs no quorum; else a linearizable read. At a revision both are
    the same, so there the first is made.
    """
    at = [f"--rev={revision}"] if revision else []
    level = "s" if serializable or revision else "l"
    said = etcdctl(cluster, pod, "get", "", "--prefix", "--count-only", f"--consistency={level}", *at, "-w", "fields")
    count = re.search(r'^"Count" : (\d+)$', said.output, re.MULTILINE)
    if said.exit_code or not count:
        msg = f"etcd in {pod} does not count its keys: {last_line(said.output)}"
        raise EtcdNotReadyError(msg)
    return int(count[1])


def is_compacted(cluster: ManagementCluster, pod: PodRef, revision: int) -> bool:
    """Whether this member says that what it held at a revision is compacted away."""
    said = etcdctl(cluster, pod, "get", "lifeboat", f"--rev={max(revision, 1)}", "--consistency=s", "--count-only")
    return said.exit_code != 0 and "has been compacted" in said.output


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


def _alarms(errors: Sequence[str]) -> tuple[Alarm, ...]:
    """Out of the errors of a status. `alarm list` would go through raft, which needs a quorum."""
    found = (_ALARM.search(each) for each in errors)
    return tuple(sorted({Alarm(each[2], int(each[1])) for each in found if each}, key=lambda each: each.name))
