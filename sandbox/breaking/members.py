"""Members of an etcd that are lost, and brought back.

A lost member's write-ahead log is unreadable, so that its container ends again and again and its pod is never ready,
while the StatefulSet keeps asking for all members. The real log is put aside on the member's volume: brought back, the
member is what it was when it was lost, as after a crash.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox.client import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, Object
from sandbox.objects import is_ready
from sandbox.plan import ManagementClusterPlan
from sandbox.proof.clients import client_of

_SECONDS = 90
_LOG, _ASIDE = "wal", "wal.aside"
_FIRST_FILE = "0000000000000000-0000000000000000.wal"


def lose(cluster: ManagementClusterPlan, namespace: str, pods: Sequence[str]) -> None:
    """Return once the etcd container of each of these pods has ended and cannot start. Raises TimeoutError, ApiError.

    Losing a member twice is refused by the file system (OSError): its log is aside already.
    """
    for pod in pods:
        member = _member(cluster, namespace, pod)
        (member / _LOG).rename(member / _ASIDE)
        (member / _LOG).mkdir()
        (member / _LOG / _FIRST_FILE).write_bytes(b"\xff" * 65536)
    replace(cluster, namespace, pods, lambda pod: _restarts(pod) > 0 and not is_ready(pod))


def bring_back(cluster: ManagementClusterPlan, namespace: str, pods: Sequence[str]) -> None:
    """Give lost members their logs back; return once all are ready. A member that was not lost is let be."""
    for pod in pods:
        member = _member(cluster, namespace, pod)
        if (member / _ASIDE).exists():
            shutil.rmtree(member / _LOG)
            (member / _ASIDE).rename(member / _LOG)
    _wait(cluster, namespace, pods, is_ready)


def replace(
    cluster: ManagementClusterPlan, namespace: str, pods: Sequence[str], until: Callable[[Object], bool] = is_ready
) -> None:
    """Delete pods and wait until others of their names are there and `until` is true of them."""
    client = client_of(cluster)
    former = {}
    for pod in pods:
        found = client.get(PODS, pod, namespace)
        if found is not None:
            former[pod] = found["metadata"]["uid"]
            client.delete(PODS, pod, namespace)
    _wait(
        cluster,
        namespace,
        pods,
        lambda pod: pod["metadata"]["uid"] != former.get(pod["metadata"]["name"]) and until(pod),
    )


def _restarts(pod: Object) -> int:
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return sum(each["restartCount"] for each in statuses if each["name"] == "etcd")


def _wait(cluster: ManagementClusterPlan, namespace: str, pods: Sequence[str], true: Callable[[Object], bool]) -> None:
    client = client_of(cluster)
    deadline = time.monotonic() + _SECONDS
    for name in pods:
        while not ((pod := client.get(PODS, name, namespace)) and true(pod)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"pod {namespace}/{name} on {cluster.name} is not as it was to be: {pod}")
            time.sleep(0.2)


def _member(cluster: ManagementClusterPlan, namespace: str, pod: str) -> Path:
    """The member's folder on its volume: `snap` and `wal` lie in it."""
    client = client_of(cluster)
    claim = client.get(PERSISTENT_VOLUME_CLAIMS, f"data-{pod}", namespace)
    assert claim is not None
    volume = client.get(PERSISTENT_VOLUMES, claim["spec"]["volumeName"])
    assert volume is not None
    source = volume["spec"].get("local") or volume["spec"]["hostPath"]
    return Path(source["path"]) / "data" / "member"
