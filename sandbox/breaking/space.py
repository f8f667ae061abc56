"""An etcd that is full: written to until it refuses and raises its alarm NOSPACE.

Its quota had better be small, see `Plan.etcd_quotas`.
"""

from __future__ import annotations

import json

from sandbox.plan import ManagementClusterPlan
from sandbox.proof import etcd

_PREFIX = "/filling/"
# The values come by stdin: an argument may have 128 KiB. What is written at last raises the alarm.
_FILL = r"""
n=0
while head -c 1000000 /dev/zero | tr '\0' x | %(etcdctl)s put %(prefix)s$n > /dev/null 2> /tmp/filling; do
  n=$((n + 1))
  [ "$n" -lt %(most)d ] || { rm -f /tmp/filling; echo "still room after $n MB"; exit 1; }
done
told=$(cat /tmp/filling); rm -f /tmp/filling
case $told in *'space exceeded'*) echo "$n" ;; *) echo "$told"; exit 1 ;; esac
"""


def fill(cluster: ManagementClusterPlan, namespace: str, pod: str = "etcd-0", most: int = 200) -> int:
    """Write values of 1 MB until etcd refuses; how many it took. Raises RuntimeError when it takes `most` of them."""
    script = _FILL % {"etcdctl": etcd.ETCDCTL, "prefix": _PREFIX, "most": most}
    return int(etcd.run(cluster, namespace, pod, script, timeout=120))


def alarms(cluster: ManagementClusterPlan, namespace: str, pod: str = "etcd-0") -> list[str]:
    """Names of the alarms that etcd has raised."""
    told = json.loads(etcd.run(cluster, namespace, pod, f"{etcd.ETCDCTL} alarm list -w json"))
    return [_ALARMS.get(each.get("alarm"), str(each.get("alarm"))) for each in told.get("alarms") or []]


_ALARMS = {1: "NOSPACE", 2: "CORRUPT"}


def make_room(cluster: ManagementClusterPlan, namespace: str, pod: str = "etcd-0") -> None:
    """Take away what `fill` wrote, as an operator does: delete, compact, defragment, disarm. For an etcd of one member.

    Raises RuntimeError when a step fails.
    """
    ctl = etcd.ETCDCTL
    # The revision of a delete is that of its answer. etcd 3.5 waits with `--physical` until the pages are free.
    revision = etcd.run(cluster, namespace, pod, f"{ctl} del --prefix {_PREFIX} -w json")
    at = json.loads(revision)["header"]["revision"]
    etcd.run(cluster, namespace, pod, f"{ctl} compact --physical {at}")
    etcd.run(cluster, namespace, pod, f"{ctl} defrag")
    etcd.run(cluster, namespace, pod, f"{ctl} alarm disarm")
