"""One snapshot of etcd in the making: a staging folder in a member's pod, and what runs there.

Its bytes never cross a function (but see `pieces`), so a cluster's size is bounded by its quota and not by a function's
memory. Exec is no proof of anything: the pod computes the digests, and S3 refuses other bytes than those.

    start → (transfer)* → verify;  discard removes what lies in the pods

All of it may run twice: the staging folder is named after the backup, the execution's epoch and the round, and made
once. A save that broke off is never repeated there, so parts of two snapshots never meet in one upload: the next round
has another name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from lifeboat import podshell
from lifeboat.errors import (
    ApiUnavailableError,
    EtcdNotReadyError,
    ExecIncompleteError,
    LeaseLostError,
    ObjectRefusedError,
    SnapshotFailedError,
)
from lifeboat.etcd import ephemeral, look, members, scripts, worker
from lifeboat.etcd.ephemeral import Ephemeral
from lifeboat.etcd.lanes import LANES
from lifeboat.etcd.look import Look, Whole
from lifeboat.etcd.members import CONTAINER
from lifeboat.model import Manifest, Pace
from lifeboat.podshell import PodRef
from lifeboat.ports import ManagementCluster, StoredPart
from lifeboat.resources import PODS

MIB = 1024**2
PART_SIZE = 16 * MIB
"""Least size of a part. S3 wants 5 MiB; small ones go out early, large ones need fewer looks."""
_LARGE, _LARGE_PART = 2 * 1024**3, 32 * MIB
"""From this size of the database on, parts have that at least: each costs the start of three programs and a request,
whatever its size. Where the function carries them, one at a time is in its memory."""
_PARTS = 1000
"""About how many parts the largest database has, far below S3's 10,000: each is a line in lists that travel."""
_ROOM_FACTOR, _ROOM_EXTRA = 1.1, 64 * MIB
_TAIL, _PAGE = 32, 512
_ALL = 10_000
_NEWER, _NO_ROOM, _GONE = 3, 4, 7
_ANY = Ephemeral(storage=None, unfit=None)
_QUOTA = "ETCD_QUOTA_BACKEND_BYTES"
_ETCD_QUOTA = 2 * 1024**3
"""etcd's own default (https://etcd.io/docs/v3.5/op-guide/maintenance/#space-quota)."""
_GROWTH = 4
_PATIENCE = 20
"""Seconds for a pod to end what works there and to remove it."""
_PACED_SECONDS = 600
"""How long a paced read may take: a defragmentation waits for it, and with it every client of that member. 8 GiB are
read at 16 MiB/s in less."""


class StagingGone(Exception):  # noqa: N818 - a state of affairs that the steps answer with another round
    """The pod was replaced, or its container: what lay in its ephemeral storage is lost. Never leaves this package."""


@dataclass(frozen=True)
class Source:
    """The database that is saved: its size when that begins, and its quota (0: none), in bytes."""

    db_size: int
    quota: int
    ephemeral: Ephemeral = _ANY
    revision: int = 0
    """At least that is in the snapshot."""
    acknowledged: int | None = None
    """The revision up to which etcd had acknowledged writes; None without a quorum."""

    @property
    def may_grow(self) -> int:
        """By how much it may grow before its snapshot is given up: a quarter of what is left; 0: by any.

        Pages that are freed while a snapshot is read cannot be used again before it ends. At the quota already
        (NOSPACE) etcd takes no writes; what is left of the disk bounds it all the same, which the worker looks at.
        """
        return max(self.quota - self.db_size, 0) // _GROWTH


@dataclass(frozen=True)
class Staging:
    """Where one snapshot is made: `/tmp/lifeboat/<id>` of one pod."""

    namespace: str
    pod: str
    id: str
    epoch: int
    part_size: int = PART_SIZE

    @property
    def ref(self) -> PodRef:
        return PodRef(self.namespace, self.pod, CONTAINER)


def part_size(db_size: int) -> int:
    """Bytes of a part: 16 MiB, of large databases 32, or a thousandth in whole MiB where that is more."""
    least = PART_SIZE if db_size < _LARGE else _LARGE_PART
    return max(least, -(-db_size // (_PARTS * MIB)) * MIB)


def start(cluster: ManagementCluster, staging: Staging, source: Source, pace: Pace) -> Source:
    """Begin saving a snapshot; what older executions left in that pod is removed. Nothing, where it was begun before.

    Answers the source as it was known when that was: a try that comes later has seen revisions that the snapshot may
    lack, and whoever looks for later writes would begin behind them.

    Raises SnapshotFailedError when the pod has no room or lacks a tool, LeaseLostError when a newer execution works
    there, EtcdNotReadyError when the pod is gone.
    """
    if why := refusal(staging, source):
        raise SnapshotFailedError(why)
    read = max(pace.read, source.db_size // _PACED_SECONDS) if pace.read else 0
    figures = [staging.part_size, read, pace.upload // LANES, source.may_grow, source.db_size]
    known = f"{source.revision} {source.acknowledged or 0}"
    arguments = [str(_room(staging, source)), known, worker.SAVE, *map(str, figures), *worker.ARGUMENTS]
    try:
        said = run(cluster, staging, scripts.START, *arguments)
    except StagingGone as gone:
        raise EtcdNotReadyError(str(gone)) from None
    return source if members.last_line(said.output) == "started" else _known_before(staging, source, said.output)


def refusal(staging: Staging, source: Source) -> str | None:
    """Why a snapshot is not to be staged there, by the pod's manifest; None: it may be, if the disk has the room."""
    if source.ephemeral.unfit:
        return f"{staging.ref} has no place for a snapshot: {source.ephemeral.unfit}"
    may, room = source.ephemeral.storage, _room(staging, source)
    if may is None or room <= may:
        return None
    return (
        f"{staging.ref} may use {may // MIB} MiB of ephemeral storage (limits.ephemeral-storage, or the sizeLimit of "
        f"an emptyDir), its snapshot needs {room // MIB}: raise the limit, or the node evicts the pod"
    )


def sweep(cluster: ManagementCluster, staging: Staging) -> None:
    """Remove from the other etcd pods what older executions and rounds left, and an earlier try of this one.

    That may have chosen another member. Pods that do not answer are let be: what is left goes with the pod, or with
    the next run. Raises LeaseLostError when a newer execution works in one.
    """
    stem, _, number = staging.id.rpartition("-")
    following = [f"{stem}-{int(number) + 1}", str(staging.epoch)]
    others = [each for each in members.pods(cluster, staging.namespace) if each.name != staging.pod]  # that was swept
    if _NEWER in _in_each(cluster, others, scripts.SWEEP, following).values():
        msg = f"a newer execution works in {staging.namespace}: this one must stop"
        raise LeaseLostError(msg)


def look_at(cluster: ManagementCluster, staging: Staging, after: int = 0, at_most: int = look.WINDOW) -> Look:
    """What is there; of the parts those behind `after`.

    Raises StagingGone, LeaseLostError, ExecIncompleteError.
    """
    return look.read(run(cluster, staging, look.LOOK, str(after), str(at_most)).output)


def whole_look(cluster: ManagementCluster, staging: Staging) -> Look:
    """What is there, with every part."""
    return look_at(cluster, staging, 0, _ALL)


def discard(cluster: ManagementCluster, namespace: str, backup_id: str, epoch: int) -> list[str]:
    """Remove all staging of a backup from every etcd pod and end what still runs; returns pods that did not answer."""
    codes = _in_each(cluster, members.pods(cluster, namespace), scripts.DISCARD, [backup_id, str(epoch)])
    return [name for name, code in codes.items() if code is None]


def prove(staging: Staging, whole: Whole, parts: Sequence[StoredPart]) -> None:
    """Etcd writes the SHA-256 of the database behind it: proof that the file is complete (size mod 512 is 32).

    Raises SnapshotFailedError when it is not, or its parts are not all of it.
    """
    numbers = [each.number for each in parts]
    covered = numbers == [*range(1, len(parts) + 1)] and sum(each.size for each in parts) == whole.size
    if whole.size % _PAGE != _TAIL or whole.body != whole.tail or not covered:
        msg = f"the snapshot in {staging.ref} is not a whole etcd database ({whole.size} bytes): take another"
        raise SnapshotFailedError(msg)


def source_of(cluster: ManagementCluster, staging: Staging, db_size: int) -> Source:
    """The database of a member, with its quota and its ephemeral storage as the pod's manifest says them."""
    pod = cluster.get(PODS, staging.namespace, staging.pod) or {}
    containers = (pod.get("spec") or {}).get("containers") or ()
    container: Manifest = next((each for each in containers if each.get("name") == CONTAINER), {})
    told = _told_quota(container)
    return Source(db_size, _ETCD_QUOTA if not told else max(told, 0), ephemeral.of(pod, container))


def run(
    cluster: ManagementCluster, staging: Staging, script: str, *arguments: str, secrets: Sequence[str] = ()
) -> podshell.ScriptResult:
    """Run a script in the staging folder.

    Raises StagingGone, LeaseLostError, SnapshotFailedError, and what `podshell.run` raises besides.
    """
    try:
        said = podshell.run(cluster, staging.ref, script, staging.id, str(staging.epoch), *arguments, secrets=secrets)
    except ObjectRefusedError:
        if staging.pod in {each.name for each in members.pods(cluster, staging.namespace)}:
            raise
        msg = f"{staging.ref} is being replaced"
        raise StagingGone(msg) from None
    check(staging, said.exit_code, said.output)
    return said


def check(staging: Staging, code: int, output: str) -> None:
    """What the exit codes of our scripts mean."""
    words = members.last_line(output)
    if code == _NEWER:
        msg = f"a newer execution works in {staging.ref}: this one must stop"
        raise LeaseLostError(msg)
    if code == _GONE:
        msg = f"what was staged in {staging.ref} is gone"
        raise StagingGone(msg)
    if code == _NO_ROOM:
        msg = f"{staging.ref} has no room for a snapshot: {words}; free its node's ephemeral storage"
        raise SnapshotFailedError(msg)
    if code:
        msg = f"{staging.ref} cannot make a snapshot (exit code {code}): {words}"
        raise SnapshotFailedError(msg)


def _room(staging: Staging, source: Source) -> int:
    """Bytes: the file, a copy of what each lane sends, and some."""
    return int(source.db_size * _ROOM_FACTOR) + LANES * staging.part_size + _ROOM_EXTRA


def _known_before(staging: Staging, source: Source, said: str) -> Source:
    told = re.fullmatch(r"there (\d+) (\d+)", members.last_line(said))
    if told is None:
        msg = f"another try begins the snapshot in {staging.ref} at this moment: try again"
        raise EtcdNotReadyError(msg)
    acknowledged = source.acknowledged
    if acknowledged is not None and int(told[2]):
        acknowledged = min(acknowledged, int(told[2]))
    return replace(source, revision=min(source.revision, int(told[1])), acknowledged=acknowledged)


def _in_each(
    cluster: ManagementCluster, pods: Sequence[PodRef], script: str, arguments: Sequence[str]
) -> dict[str, int | None]:
    """Run a script in all pods side by side, so that silent ones use up no function; exit codes, None: no answer."""

    def code(pod: PodRef) -> int | None:
        try:
            return podshell.run(cluster, pod, script, *arguments, timeout=_PATIENCE).exit_code
        except (ApiUnavailableError, ExecIncompleteError, ObjectRefusedError):
            return None

    with ThreadPoolExecutor(max(len(pods), 1)) as pool:
        return dict(zip([each.name for each in pods], pool.map(code, pods), strict=True))


def _told_quota(container: Manifest) -> int | None:
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    told = re.findall(r"--quota-backend-bytes[= ](-?\d+)", " ".join(words))
    env = {each["name"]: str(each.get("value", "")) for each in container.get("env") or ()}
    told += re.findall(r"^-?\d+$", env.get(_QUOTA, ""))
    return int(told[0]) if told else None
