"""Which member of etcd a snapshot is taken from, and what a record must say about it.

Every member's database is a prefix of one history, so a snapshot of any of them is consistent; what differs is how far
it goes. With a quorum that answers nothing acknowledged is missing from the most advanced of its members. Without one
it may be, and people decide whether that is better than nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lifeboat.errors import SnapshotFailedError
from lifeboat.etcd import members
from lifeboat.etcd.members import Alarm, Answers, MemberStatus
from lifeboat.model import BackupKind, Task
from lifeboat.ports import ManagementCluster

CAUGHT_UP = 5000
"""Raft entries that a follower may lack: one that lacks more is sent a whole database by its leader, so it was away."""
NOSPACE, CORRUPT = "NOSPACE", "CORRUPT"


@dataclass(frozen=True)
class Choice:
    """The member to save, and what is to be known of the etcd it belongs to."""

    member: MemberStatus
    acknowledged: int | None
    """The revision up to which etcd had acknowledged writes when asked; None without a quorum."""
    alarms: tuple[str, ...]
    """Names of the alarms of this etcd."""
    note: str | None
    """What the record says, in one line; None when all is well."""
    risk: str | None
    """What an approval has to name; None when none is needed."""

    @property
    def quorum(self) -> bool:
        """False: acknowledged writes may be missing, so only an approval allows it."""
        return self.acknowledged is not None


def choose(found: Answers, kind: BackupKind, *, acknowledged: int | None) -> Choice:
    """The member that suits the kind of backup.

    All answer: a follower that has caught up (online, to spare the leader), else the member that applied most. Some do
    not: the one that applied most. A learner, and a member that etcd calls corrupt, are never taken.

    Raises SnapshotFailedError when the members are of several clusters, or none is fit.
    """
    if len({each.cluster_id for each in found.there}) > 1:
        raise SnapshotFailedError("the etcd members are several clusters (split brain): mend etcd first")
    fit = [each for each in found.voters if not _is_corrupt(each, found.alarms)]
    if not fit:
        said = ", ".join(f"{each.name} of member {each.member_id:x}" for each in found.alarms) or "learners only"
        msg = f"no member of etcd that answers is fit for a snapshot ({said}): compare `etcdctl endpoint hashkv`, mend"
        raise SnapshotFailedError(msg)
    member = _most_advanced(fit)
    if kind is BackupKind.ONLINE and len(found.there) == found.wanted > 1:
        newest = max(each.raft_index for each in found.there)
        spare = [each for each in fit if not each.is_leader and newest - each.applied_index <= CAUGHT_UP]
        member = _most_advanced(spare) if spare else member
    risk = _risk(found, member) if acknowledged is None else None
    notes = [risk or _few(found, member), _about(found.alarms)]
    return Choice(
        member=member,
        acknowledged=acknowledged,
        alarms=tuple(sorted({each.name for each in found.alarms})),
        note="; ".join(each for each in notes if each) or None,
        risk=risk,
    )


def look(cluster: ManagementCluster, namespace: str, kind: BackupKind) -> Choice:
    """Ask all members, and choose; raises as `choose`, and EtcdNotReadyError when no member answers."""
    found = members.ask(cluster, namespace)
    return choose(found, kind, acknowledged=members.acknowledged(cluster, namespace, found))


def take(cluster: ManagementCluster, task: Task) -> Choice:
    """`look` for a snapshot that begins now: without a quorum only as it was approved.

    What is asked for stands at `$.backup.etcd` (by the preflight), the answer at `$.approved`. Raises
    SnapshotFailedError when nobody approved, or when less is left than what was approved.
    """
    chosen = look(cluster, task.hosted_cluster.control_plane_namespace, BackupKind(task.data["kind"]))
    if chosen.quorum:
        return chosen
    asked, approved = task.data["backup"].get("etcd") or {}, task.data.get("approved")
    if not asked.get("approvalNeeded") or not isinstance(approved, Mapping):
        msg = f"etcd lost its quorum after the preflight: start again, then it asks for an approval ({chosen.risk})"
        raise SnapshotFailedError(msg)
    if chosen.member.applied_index < asked["raftIndex"]:
        msg = f"approved was a snapshot to raft index {asked['raftIndex']}, less is left: start again ({chosen.risk})"
        raise SnapshotFailedError(msg)
    who = f"approved by {approved.get('by')}: {approved.get('reason') or 'no reason given'}"
    return replace(chosen, note=f"{chosen.note}; {who}")


def _most_advanced(there: list[MemberStatus]) -> MemberStatus:
    """By what is in the database; what is merely known to be committed is not in a snapshot."""
    return max(there, key=lambda each: (each.applied_index, each.revision, each.raft_index))


def _is_corrupt(member: MemberStatus, alarms: list[Alarm]) -> bool:
    return any(each.name == CORRUPT and each.member_id in {0, member.member_id} for each in alarms)


def _risk(found: Answers, member: MemberStatus) -> str:
    others = [f"{each.pod} at raft index {each.applied_index}" for each in found.there if each is not member]
    behind = f" ({', '.join(others)} answers too)" if others else ""
    known = f", it knows of {member.raft_index}" if member.raft_index > member.applied_index else ""
    return (
        f"etcd has no quorum: {len(found.there)} of {found.wanted} members answer{behind}; the snapshot is of "
        f"{member.pod} at revision {member.revision}, raft index {member.applied_index}{known}; what etcd acknowledged "
        "after that is not in it and would be lost, logs of entries that no database holds yet included; how much that "
        f"is cannot be told ({found.silence() or 'the members do not reach each other'})"
    )


def _few(found: Answers, member: MemberStatus) -> str | None:
    if not found.silent:
        return None
    pods = ", ".join(found.silent)
    return f"{len(found.there)} of {found.wanted} members of etcd answered, without {pods}: taken from {member.pod}"


def _about(alarms: list[Alarm]) -> str | None:
    found = []
    if any(each.name == NOSPACE for each in alarms):
        found.append("etcd had the alarm NOSPACE, which travels inside the snapshot: a restore has to make room first")
    if any(each.name == CORRUPT for each in alarms):
        found.append("etcd had the alarm CORRUPT of another member")
    return "; ".join(found) or None
