"""Was anything written after a snapshot?

The proof is a watch of all keys. Each revision of an etcd has at least one event, so a watch has seen all when the
revisions of its events run without a gap from the one after the snapshot to the newest that etcd acknowledged, by a
linearizable read. (Progress notifications prove less: before etcd 3.5.8 one may overtake events.)

Without writers only leases expire, mostly those of guest events. That is one revision, in which all keys of one lease
are deleted, and the lease is gone afterwards; every other event is somebody's write.
"""

from __future__ import annotations

from lifeboat import podshell
from lifeboat.errors import EtcdNotReadyError
from lifeboat.etcd import members
from lifeboat.etcd.members import CONTAINER
from lifeboat.etcd.scripts import TLS
from lifeboat.podshell import PodRef
from lifeboat.ports import ManagementCluster

SECONDS = 20
"""How long one watch lasts at most."""
_BESIDES = 15
"""Seconds for the read before it and the list of leases after it."""

# $1 the first revision after the snapshot, $2 seconds. Keys and values go through pipes in the pod and no further:
# only counts come out. etcdctl prints a line of JSON per response, in which keys and values are base64 and so hold
# neither quotes nor braces; `sed` drops them and makes a line of each event: P (put), D (delete), and E (the response
# is complete, and so is its last revision). Told are `told`, up to which nothing is missing, and `hidden`: a gap, or a
# compaction. etcdctl itself tells its number and is ended by it: a `timeout` that gets a signal right after its fork
# may end and leave its child behind.
COUNT_LATER = (
    TLS
    + r"""
from=$1
newest=$(etcd_ctl get lifeboat --count-only --consistency=l -w fields 2>/dev/null |
  sed -n 's/^"Revision" : \([0-9]*\)$/\1/p')
[ "$newest" ] || { echo quorum=no; exit 0; }
echo "newest=$newest"
[ "$newest" -ge "$from" ] || exit 0

exec 2>/dev/null  # bash tells of processes that were ended
ETCDCTL_API=3 timeout "$2" sh -c 'echo $$; exec "$@" 2>/dev/null' lifeboat etcdctl --cacert "$ca" \
  --cert /etc/etcd/tls/client/etcd-client.crt --key /etc/etcd/tls/client/etcd-client.key \
  --endpoints=https://localhost:2379 watch '' --prefix --prev-kv --rev "$from" -w json |
sed -u -E -e 's/"(key|value)":"[^"]*"//g' -e 's/\{"type":1,/\
D /g' -e 's/\{("type":[^1,][^,]*,)?"kv":/\
P /g' -e 's/"CompactRevision":/\
E /' | {
  IFS= read -r watch
  seen=$((from - 1)) writes=0 expired=0 hidden=no last= gone=' '
  told=$seen
  while IFS= read -r line; do
    case $line in
      P* | D*)
        at=${line#*\"mod_revision\":}
        at=${at%%[!0-9]*}
        [ "$at" = "$seen" ] || [ "$at" = $((seen + 1)) ] || hidden=yes ;;
      E*)
        case $line in 'E 0,'*) told=$seen ;; *) hidden=yes ;; esac
        [ "$writes" -eq 0 ] && [ "$told" -lt "$newest" ] && [ "$hidden" = no ] || break
        continue ;;
      *) continue ;;
    esac
    [ "$hidden" = no ] || continue
    lease=
    case $line in D*'"lease":'*) lease=${line#*\"lease\":}; lease=${lease%%[!0-9]*} ;; esac
    if [ -z "$lease" ]; then
      writes=$((writes + 1)) last=
    elif [ "$at" = "$seen" ]; then
      [ "$lease" = "$last" ] && expired=$((expired + 1)) || writes=$((writes + 1))
    else
      case $gone in
        *" $lease "*) writes=$((writes + 1)) last= ;;
        *) expired=$((expired + 1)) last=$lease gone="$gone$lease " ;;
      esac
    fi
    seen=$at
  done
  kill "$watch" 2>/dev/null
  if [ "$expired" -gt 0 ]; then
    alive=$(etcd_ctl lease list -w json 2>/dev/null) || hidden=yes
    for lease in $gone; do
      case $alive in *"\":$lease}"* | *"\":$lease,"*) writes=$((writes + 1)) ;; esac
    done
  fi
  printf 'told=%s\nwrites=%s\nexpired=%s\nhidden=%s\n' "$told" "$writes" "$expired" "$hidden"
}
"""
)


def later_writes(cluster: ManagementCluster, namespace: str, revision: int, *, quorum: bool = True) -> int | None:
    """At least how many writes etcd took after `revision`; 0 is proven, None when it cannot be told.

    0 when leases merely expired. None when a compaction hides what happened, or the watch has a gap. `quorum`: whether
    the snapshot had one. If not, and there still is none, the answer is 0: an etcd without quorum takes no writes, and
    what its other members know is what the approval is about.

    Raises EtcdNotReadyError without a quorum: a minority may not know; and when etcd does not tell all in time.
    """
    try:
        found = members.ask(cluster, namespace)
    except EtcdNotReadyError as error:
        return _without_quorum(str(error), quorum=quorum)
    if not found.is_majority:
        return _without_quorum(members.no_quorum(namespace, found), quorum=quorum)
    newest = max(found.voters, key=lambda each: each.applied_index)
    pod = PodRef(namespace, newest.pod, CONTAINER)
    script = (COUNT_LATER, str(revision + 1), str(SECONDS))
    said = members.facts(podshell.run(cluster, pod, *script, timeout=SECONDS + _BESIDES))
    if "newest" not in said:
        return _without_quorum(f"etcd in {pod} makes no linearizable read, it has no quorum", quorum=quorum)
    if "told" not in said:  # nothing to watch; behind the snapshot it is another etcd than the one that was saved
        return 0 if int(said["newest"]) == revision else None
    if (writes := int(said["writes"])) or said["hidden"] == "yes":
        return writes or None
    if int(said["told"]) < int(said["newest"]):
        msg = f"etcd in {pod} told its changes up to revision {said['told']} of {said['newest']} only: try again"
        raise EtcdNotReadyError(msg)
    return 0


def written_after(cluster: ManagementCluster, namespace: str, revision: int, *, quorum: bool = True) -> str | None:
    """What etcd took after `revision`, in words; None when it took nothing (leases that expire do not count)."""
    later = later_writes(cluster, namespace, revision, quorum=quorum)
    if later == 0:
        return None
    return f"{later} writes after revision {revision}" if later else f"unknown changes after revision {revision}"


def _without_quorum(why: str, *, quorum: bool) -> int:
    if quorum:
        raise EtcdNotReadyError(why)
    return 0
