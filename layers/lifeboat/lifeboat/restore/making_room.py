"""An etcd that was saved out of space: the alarm came along in the snapshot, and no write is taken before it is off.

What etcd's guide says (https://etcd.io/docs/latest/op-guide/maintenance/#space-quota), a step per look, so that each is
bounded: compact, defragment one member after the other, disarm. Nothing of it loses a key.
"""

from __future__ import annotations

from lifeboat.errors import EtcdNotReadyError
from lifeboat.etcd import members
from lifeboat.etcd.members import CONTAINER, Answers, MemberStatus
from lifeboat.podshell import PodRef
from lifeboat.ports import ManagementCluster
from lifeboat.record import BackupRecord

NOSPACE = "NOSPACE"
_COMPACTION, _DEFRAGMENTATION = 30, 40  # seconds; etcd goes on with either when its client has left
_COMPACTED = "has been compacted"
_FRAGMENTED = 0.9
"""A member whose database is less full than that is defragmented."""


def step(cluster: ManagementCluster, record: BackupRecord) -> list[str]:
    """Go one step; returns what is still awaited, [] once no alarm is on. Does nothing where none was recorded."""
    namespace = record.hosted_cluster.control_plane_namespace
    if not record.snapshot.alarms:
        return []
    try:
        found = members.ask(cluster, namespace)
    except EtcdNotReadyError:
        return ["a member of etcd to answer, which was saved with an alarm"]
    if found.silent or len(found.there) < record.snapshot.members:
        return [
            f"all members of etcd to answer, which was saved with an alarm ({found.silence() or 'some are missing'})"
        ]
    names = {each.name for each in found.alarms}
    if names == {NOSPACE}:
        return [_make_room(cluster, namespace, found)]
    return [f"etcd to have no alarm {name}: look at its members" for name in sorted(names)]


def _make_room(cluster: ManagementCluster, namespace: str, found: Answers) -> str:
    newest = max(found.there, key=lambda each: each.revision)
    pod = PodRef(namespace, newest.pod, CONTAINER)
    said = _run(cluster, pod, _COMPACTION, "compact", "--physical", str(newest.revision))
    if said and _COMPACTED not in said:
        return f"etcd to compact its history ({said})"
    for each in found.there:
        pod = PodRef(namespace, each.pod, CONTAINER)
        now = members.status(cluster, pod)
        if _is_fragmented(now):
            said = _run(cluster, pod, _DEFRAGMENTATION, "defrag")
            return f"{each.pod} to give back {now.db_size - now.db_size_in_use} bytes{f' ({said})' if said else ''}"
    said = _run(cluster, pod, _COMPACTION, "alarm", "disarm")
    used = max(each.db_size_in_use for each in found.there)
    return f"etcd's alarm {NOSPACE} to stay off with {used} bytes in use{f' ({said})' if said else ''}"


def _is_fragmented(status: MemberStatus) -> bool:
    return status.db_size_in_use < status.db_size * _FRAGMENTED


def _run(cluster: ManagementCluster, pod: PodRef, seconds: int, *arguments: str) -> str | None:
    """What etcdctl said when it failed, None when it did not."""
    said = members.etcdctl(cluster, pod, *arguments, f"--command-timeout={seconds}s", timeout=seconds + 5)
    return members.last_line(said.output) if said.exit_code else None
