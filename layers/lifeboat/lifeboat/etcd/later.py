"""Was anything written after a snapshot?"""

from __future__ import annotations

from lifeboat import podshell
from lifeboat.etcd import members
from lifeboat.etcd.members import CONTAINER
from lifeboat.etcd.scripts import TLS
from lifeboat.podshell import PodRef
from lifeboat.ports import ManagementCluster

_WATCHES = 3  # a watch sees a few seconds only, and an etcd under load may need them to begin

# $1 the first revision after the snapshot. Values stay in the pod: only counts come out. A watch that saw nothing at
# all proves nothing, so deletions are counted as well.
COUNT_LATER = (
    TLS
    + r"""
said=$(ETCDCTL_API=3 timeout 3 etcdctl --cacert "$ca" --cert /etc/etcd/tls/client/etcd-client.crt \
  --key /etc/etcd/tls/client/etcd-client.key --endpoints=https://localhost:2379 \
  watch --prefix '' --rev "$1" -w fields 2>/dev/null | grep -E '^"Type" : (PUT|DELETE)$')
echo "puts=$(printf '%s\n' "$said" | grep -c PUT)"
echo "deletes=$(printf '%s\n' "$said" | grep -c DELETE)"
"""
)


def later_writes(cluster: ManagementCluster, namespace: str, revision: int) -> int | None:
    """How many puts etcd took after `revision`; 0 when leases merely expired; None when it cannot be told.

    Without writers only expiring leases (guest events) move the revision, and those are deletions. A compaction may
    hide what happened: then nothing is proven. Raises EtcdNotReadyError without a quorum: a minority may not know.
    """
    newest = max(members.quorum(cluster, namespace), key=lambda each: each.revision)
    if newest.revision <= revision:
        return 0
    pod = PodRef(namespace, newest.pod, CONTAINER)
    for _ in range(_WATCHES):
        said = members.facts(podshell.run(cluster, pod, COUNT_LATER, str(revision + 1)))
        puts, deletes = int(said.get("puts", 0)), int(said.get("deletes", 0))
        if puts or deletes:
            return puts
    return None


def written_after(cluster: ManagementCluster, namespace: str, revision: int) -> str | None:
    """What etcd took after `revision`, in words; None when it took nothing (leases that expire do not count)."""
    later = later_writes(cluster, namespace, revision)
    if later == 0:
        return None
    return f"{later} writes after revision {revision}" if later else f"unknown changes after revision {revision}"
