"""One etcd: every member is asked, since each of three one-member clusters says that all is well."""

from __future__ import annotations

from typing import Any

from lifeboat import podshell
from lifeboat.backups import SnapshotPart
from lifeboat.errors import ApiUnavailableError, ExecIncompleteError, ObjectRefusedError, VerificationError
from lifeboat.model import HostedClusterRef
from lifeboat.ports import ManagementCluster
from lifeboat.verification import Finding

_CONTROL = r"""
set -eu
tls=/etc/etcd/tls
ca=$tls/etcd-ca/ca.crt; [ -f "$ca" ] || ca=$tls/client/etcd-client-ca.crt
etcd() {
  env ETCDCTL_API=3 etcdctl --cacert "$ca" --cert $tls/client/etcd-client.crt --key $tls/client/etcd-client.key \
    --endpoints=https://localhost:2379 -w json "$@" 2>/dev/null
}
"""
LOOK = (
    _CONTROL
    + r"""
printf '{"members":%s,"status":%s,"count":%s}' "$(etcd member list)" "$(etcd endpoint status)" \
  "$(etcd get '' --prefix --count-only)"
"""
)
"""Prints what one member knows of its cluster, of itself, and how many keys it holds."""

HASH = _CONTROL + 'etcd endpoint hashkv --rev="$1"\n'
"""Prints the hash of one member's keys up to the revision `$1`."""


def verify(destination: ManagementCluster, hosted: HostedClusterRef, snapshot: SnapshotPart) -> Finding:
    """All members belong to one cluster, under their names, with the same keys, not older than the snapshot.

    Raises VerificationError when they never will: several clusters, strange members, lost revisions, different data.
    """
    namespace = hosted.control_plane_namespace
    names = [f"etcd-{ordinal}" for ordinal in range(snapshot.members)]
    looks: dict[str, dict[str, Any]] = {}
    not_yet: list[str] = []
    for name in names:
        answer = _ask(destination, namespace, name, LOOK)
        if answer is None:
            not_yet.append(f"{name} does not answer")
        else:
            looks[name] = answer
    _refuse_several(looks)
    for name, look in looks.items():
        members = look["members"]["members"]
        strangers = sorted({each.get("name") or "?" for each in members if each.get("name")} - set(names))
        if strangers or len(members) > len(names):
            msg = f"{name} knows {len(members)} members, strangers: {', '.join(strangers) or 'none'}; {_STOP}"
            raise VerificationError(msg)
        started = sorted(each["name"] for each in members if each.get("name") and each.get("clientURLs"))
        if started != names:
            not_yet.append(f"{name} knows only {', '.join(started) or 'no started member'}")
        if (revision := _revision(look)) < snapshot.revision:
            msg = f"{name} is at revision {revision}, older than the snapshot ({snapshot.revision}); {_STOP}"
            raise VerificationError(msg)
        if not look["count"].get("count"):
            raise VerificationError(f"{name} holds no keys; {_STOP}")
    if not_yet or not looks:
        return Finding(not_yet=not_yet)
    revision = min(_revision(look) for look in looks.values())
    not_yet += _compare_hashes(destination, namespace, names, revision)
    first = looks[names[0]]
    facts = {
        "members": len(names),
        "clusterId": f"{first['members']['header']['cluster_id']:x}",
        "revision": revision,
        "keys": min(int(look["count"]["count"]) for look in looks.values()),
    }
    return Finding(facts, not_yet)


_STOP = "scale the hosted kube-apiserver at the destination to 0 before more is written, then restore again"


def _refuse_several(looks: dict[str, dict[str, Any]]) -> None:
    ids = {name: f"{look['members']['header']['cluster_id']:x}" for name, look in looks.items()}
    if len(set(ids.values())) > 1:
        told = ", ".join(f"{name} in {cluster_id}" for name, cluster_id in ids.items())
        msg = f"etcd came up as several clusters ({told}); {_STOP}"
        raise VerificationError(msg)


def _compare_hashes(destination: ManagementCluster, namespace: str, names: list[str], revision: int) -> list[str]:
    """Hashes compare only up to the same revision and behind the same compaction; members compact by themselves."""
    hashes: set[int] = set()
    compactions: set[int] = set()
    for name in names:
        answer = _ask(destination, namespace, name, HASH, str(revision))
        if answer is None:
            return [f"{name} gives no hash of revision {revision}"]
        hashes.add(answer[0]["HashKV"]["hash"])
        compactions.add(answer[0]["HashKV"].get("compact_revision", -1))
    if len(compactions) > 1:
        return ["the members to have compacted to the same revision"]
    if len(hashes) > 1:
        msg = f"the members hold different keys at revision {revision}; {_STOP}"
        raise VerificationError(msg)
    return []


def _revision(look: dict[str, Any]) -> int:
    return int(look["status"][0]["Status"]["header"]["revision"])


def _ask(destination: ManagementCluster, namespace: str, name: str, script: str, *arguments: str) -> Any:
    """What a member prints, None while it does not answer."""
    try:
        result = podshell.run(destination, podshell.PodRef(namespace, name, "etcd"), script, *arguments, timeout=30)
        return result.json() if result.exit_code == 0 else None
    except (ApiUnavailableError, ExecIncompleteError, ObjectRefusedError):
        return None  # a pod that is missing or starting refuses exec for good, by the API's words
