"""Has etcd filled its volume from the URL, whole, and rolled to its own template? One look; nothing is changed.

HyperShift sets EtcdSnapshotRestored on the HostedControlPlane only once every member is ready, so a download or restore
that fails shows as a condition that stays absent: the init container's status tells it. Once the condition is True the
init container leaves the pod template and etcd rolls once more; before that roll has ended nothing counts.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from lifeboat.errors import (
    ApiUnavailableError,
    EtcdNotReadyError,
    ExecIncompleteError,
    ObjectRefusedError,
    RestoreFailedError,
)
from lifeboat.etcd import members
from lifeboat.model import Manifest
from lifeboat.podshell import PodRef
from lifeboat.reconciliation import is_paused
from lifeboat.resources import HOSTED_CONTROL_PLANES, PODS, STATEFUL_SETS
from lifeboat.restore.loading import Destination
from lifeboat.restore.serving import conditions
from lifeboat.restore.snapshot_url import url as urls
from lifeboat.restore.snapshot_url.signing import url_of

INIT = "etcd-init"
RESTORED = "EtcdSnapshotRestored"
TRIES = 3
"""Failed runs of the init container after which nothing better is expected: it fetches without retries of its own."""

_POD = f"{members.STATEFUL_SET}-0"
_SILENT = (ApiUnavailableError, EtcdNotReadyError, ExecIncompleteError, ObjectRefusedError)


def unfinished(destination: Destination, now: datetime.datetime) -> list[str]:
    """What is still awaited, in words; [] once etcd holds the snapshot's keys and has rolled.

    Raises RestoreFailedError when it failed for good: the init container ends with an error again and again or after
    the URL's end, HyperShift says that it failed, or etcd holds something else.
    """
    control_plane = destination.cluster.get(HOSTED_CONTROL_PLANES, destination.namespace, destination.hosted.name)
    if control_plane is None:
        return ["the HostedControlPlane to exist"]
    pod = destination.cluster.get(PODS, destination.namespace, _POD)
    _refuse_failed(_init_status(pod), url_of(control_plane), now)
    told = conditions(control_plane).get(RESTORED, {})
    if told.get("status") == "False":
        msg = f"HyperShift says that etcd's snapshot was not restored ({told.get('reason') or 'no reason'})"
        raise RestoreFailedError(msg)
    if told.get("status") != "True":
        hosted = destination.live_hosted_cluster()
        if hosted is not None and is_paused(hosted["spec"].get("pausedUntil"), now):
            return ["the HostedCluster to be unpaused"]
        return [f"{RESTORED} ({_progress(pod)})"]
    return _unrolled(destination, pod) or _unlike(destination)


def _refuse_failed(status: Mapping[str, Any], url: str | None, now: datetime.datetime) -> None:
    """Its words are not told: what it prints may quote the URL or what stands behind it."""
    code = _exit_code(status)
    if not code:
        return
    expired = url is not None and not urls.seconds_left(url, now)
    failures = int(status.get("restartCount") or 0) + ("terminated" in (status.get("state") or {}))
    if not expired and failures < TRIES:
        return
    why = "the snapshot's URL has expired" if expired else "it could not fetch or restore the snapshot"
    msg = f"{INIT} of {_POD} ended {failures} times with an error (exit code {code}): {why}; its log tells more"
    raise RestoreFailedError(msg)


def _unrolled(destination: Destination, pod: Manifest | None) -> list[str]:
    """The roll to the template without the init container."""
    found = destination.cluster.get(STATEFUL_SETS, destination.namespace, members.STATEFUL_SET)
    if found is None:
        return ["etcd's StatefulSet to exist"]
    status, wanted = found.get("status") or {}, int(found["spec"].get("replicas", 1))
    if _has_init(found["spec"]["template"]["spec"]):
        return [f"{INIT} to leave etcd's pod template"]
    if int(status.get("observedGeneration") or 0) < int(found["metadata"].get("generation") or 0):
        return ["etcd to roll"]
    counts = [int(status.get(each) or 0) for each in ("replicas", "updatedReplicas", "readyReplicas")]
    rolled = counts == [wanted] * 3 and status.get("currentRevision") == status.get("updateRevision")
    if not rolled or pod is None or _has_init(pod["spec"]) or pod["metadata"].get("deletionTimestamp"):
        return ["etcd to roll"]
    return []


def _unlike(destination: Destination) -> list[str]:
    """Whether etcd holds what the record says: its revision, and as many keys at that revision.

    Behind a compaction that old revision cannot be counted any more; then its age alone is compared.
    """
    snapshot = destination.record.snapshot
    ref = PodRef(destination.namespace, _POD, members.CONTAINER)
    try:
        status = members.status(destination.cluster, ref)
        if status.revision < snapshot.revision:
            msg = f"etcd came up at revision {status.revision}, the snapshot's is {snapshot.revision}"
            raise RestoreFailedError(msg)
        if members.is_compacted(destination.cluster, ref, snapshot.revision):
            keys = members.count_keys(destination.cluster, ref)
            wrong = keys == 0
        else:
            keys = members.count_keys(destination.cluster, ref, snapshot.revision)
            wrong = keys != snapshot.total_keys
    except _SILENT:
        return [f"{_POD} to answer"]
    if wrong:
        msg = f"etcd holds {keys} keys at revision {snapshot.revision}, the snapshot has {snapshot.total_keys}"
        raise RestoreFailedError(msg)
    return []


def _init_status(pod: Manifest | None) -> Mapping[str, Any]:
    found = ((pod or {}).get("status") or {}).get("initContainerStatuses") or ()
    return next((each for each in found if each["name"] == INIT), {})


def _exit_code(status: Mapping[str, Any]) -> int:
    """Of the run that is over, or of the one before it; 0 while none failed."""
    for each in ("state", "lastState"):
        if ended := (status.get(each) or {}).get("terminated"):
            return int(ended.get("exitCode") or 0)
    return 0


def _progress(pod: Manifest | None) -> str:
    if pod is None:
        return f"{_POD} is not there yet"
    status = _init_status(pod)
    state = status.get("state") or {}
    if code := _exit_code(status):
        return f"{INIT} ended with exit code {code} and is repeated"
    if "running" in state:
        return f"{INIT} is at work"
    if "terminated" in state:
        return f"{INIT} is done, etcd is not ready"
    return f"{INIT} waits ({(state.get('waiting') or {}).get('reason') or 'no status yet'})"


def _has_init(spec: Mapping[str, Any]) -> bool:
    return any(each["name"] == INIT for each in spec.get("initContainers") or ())
