"""One etcd: every member is asked, since each of three one-member clusters says that all is well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lifeboat.backups import SnapshotPart
from lifeboat.errors import (
    ApiUnavailableError,
    EtcdNotReadyError,
    ExecIncompleteError,
    ObjectRefusedError,
    VerificationError,
)
from lifeboat.etcd import members
from lifeboat.model import HostedClusterRef
from lifeboat.podshell import PodRef
from lifeboat.ports import ManagementCluster
from lifeboat.verification import Finding

_STOP = "scale the hosted kube-apiserver at the destination to 0 before more is written, then restore again"
_SILENT = (ApiUnavailableError, EtcdNotReadyError, ExecIncompleteError, ObjectRefusedError)
"""A pod that is missing or starting refuses exec for good, by the API's words."""


@dataclass(frozen=True)
class _Look:
    """What one member says of its cluster and of itself."""

    status: members.MemberStatus
    known: list[dict[str, Any]]
    keys: int


def verify(destination: ManagementCluster, hosted: HostedClusterRef, snapshot: SnapshotPart) -> Finding:
    """All members belong to one cluster, under their names, with the same keys, not older than the snapshot.

    Raises VerificationError when they never will: several clusters, strange members, lost revisions, different data.
    """
    names = [f"{members.STATEFUL_SET}-{ordinal}" for ordinal in range(snapshot.members)]
    pods = [PodRef(hosted.control_plane_namespace, name, members.CONTAINER) for name in names]
    looks: list[_Look] = []
    not_yet: list[str] = []
    for pod in pods:
        try:
            looks.append(_look(destination, pod))
        except _SILENT:
            not_yet.append(f"{pod.name} to answer")
    _refuse_several([look.status for look in looks])
    for look in looks:
        not_yet += _member_problems(look, names, snapshot.revision)
    if not_yet:
        return Finding(not_yet=not_yet)
    revision = min(look.status.revision for look in looks)
    facts = {
        "members": len(looks),
        "clusterId": f"{looks[0].status.cluster_id:x}",
        "revision": revision,
        "keys": min(look.keys for look in looks),
    }
    return Finding(facts, _compare_hashes(destination, pods, revision))


def _look(destination: ManagementCluster, pod: PodRef) -> _Look:
    status = members.status(destination, pod)
    known = members.etcdctl(destination, pod, "member", "list", "-w", "json")
    if known.exit_code:
        raise EtcdNotReadyError(members.last_line(known.output))
    return _Look(status, known.json()["members"], members.count_keys(destination, pod))


def _refuse_several(statuses: list[members.MemberStatus]) -> None:
    if len({each.cluster_id for each in statuses}) > 1:
        told = ", ".join(f"{each.pod} in {each.cluster_id:x}" for each in statuses)
        msg = f"etcd came up as several clusters ({told}); {_STOP}"
        raise VerificationError(msg)


def _member_problems(look: _Look, names: list[str], least_revision: int) -> list[str]:
    pod = look.status.pod
    strangers = sorted({each["name"] for each in look.known if each.get("name")} - set(names))
    if strangers or len(look.known) > len(names):
        msg = f"{pod} knows {len(look.known)} members, strangers: {', '.join(strangers) or 'unnamed ones'}; {_STOP}"
        raise VerificationError(msg)
    if look.status.revision < least_revision:
        msg = f"{pod} is at revision {look.status.revision}, older than the snapshot ({least_revision}); {_STOP}"
        raise VerificationError(msg)
    if not look.keys:
        msg = f"{pod} holds no keys; {_STOP}"
        raise VerificationError(msg)
    # A member that never started has neither name nor client URLs in the others' lists.
    started = sorted(each["name"] for each in look.known if each.get("name") and each.get("clientURLs"))
    return [] if started == sorted(names) else [f"{pod} to know all members (it knows {', '.join(started) or 'none'})"]


def _compare_hashes(destination: ManagementCluster, pods: list[PodRef], revision: int) -> list[str]:
    """Hashes compare only up to the same revision and behind the same compaction; members compact by themselves."""
    found: set[tuple[int, int]] = set()
    for pod in pods:
        try:
            said = members.etcdctl(destination, pod, "endpoint", "hashkv", f"--rev={revision}", "-w", "json")
            if said.exit_code:  # compacted meanwhile, or electing
                return [f"{pod.name} to hash revision {revision}"]
            answer = said.json()[0]["HashKV"]
        except _SILENT:
            return [f"{pod.name} to hash revision {revision}"]
        found.add((answer.get("compact_revision", 0), answer["hash"]))
    if len({compacted for compacted, _ in found}) > 1:
        return ["the members to have compacted to the same revision"]
    if len(found) > 1:
        msg = f"the members hold different keys at revision {revision}; {_STOP}"
        raise VerificationError(msg)
    return []
