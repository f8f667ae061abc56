"""`lifeboat verify`: what a backup is worth, part by part, without a cluster.

A quick look asks S3 for version, size and checksum of each part, as a restore does. A deep one reads every byte:
digests of all parts, of the whole and of the database that the snapshot ends with, every manifest parsed and counted.
It reads by ranges, a few at a time, so that its memory does not grow with the snapshot.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import yaml

from lifeboat import backups
from lifeboat.backups import BackupRecord, ManifestPart, Part, SnapshotPart
from lifeboat.errors import BackupUnprovenError
from lifeboat.etcd.steps import EVIDENCE as SNAPSHOT
from lifeboat.model import HostedClusterRef
from lifeboat.ports import ObjectStore, Signer
from lifeboat.resources import HOSTED_CLUSTERS

RANGE = 8 * 1024**2
"""Bytes of one GET."""
_AT_ONCE = 4
_PAGE, _DIGEST = 512, 32


@dataclass(frozen=True)
class Row:
    """What was found of one part. `problem` in words, None when it is what was recorded."""

    name: str
    size: int
    problem: str | None


@dataclass(frozen=True)
class Examination:
    """What a backup turned out to be."""

    record: BackupRecord
    record_sha256: str
    deep: bool
    rows: tuple[Row, ...]
    added: tuple[str, ...]
    """Objects that came to the backup after its record: no restore reads them, but people might take them for parts."""
    leftovers: tuple[str, ...]
    """Objects of attempts before the record was written, which it does not name. They mean nothing."""

    @property
    def is_proven(self) -> bool:
        return not self.added and not any(each.problem for each in self.rows)


def examine(
    store: ObjectStore, signer: Signer, hosted_cluster: HostedClusterRef, backup_id: str | None, *, deep: bool
) -> Examination:
    """Look at one backup, or at the newest committed one.

    Raises BackupUnprovenError when there is none or its record is not proven: then nothing can be said of its parts.
    """
    infra_id, found = backups.newest(store, hosted_cluster, backup_id)
    record, digest = backups.open_version(store, signer, hosted_cluster, infra_id, found)
    rows = [*_by_s3(store, record)]
    if deep:
        rows = [each if each.problem else _by_reading(store, record, each) for each in rows]
    added, leftovers = _strangers(store, record)
    return Examination(record, digest, deep, tuple(rows), added, leftovers)


def _by_s3(store: ObjectStore, record: BackupRecord) -> Iterator[Row]:
    prefix = record.layout.prefix
    for part in record.parts():
        problem = backups.problem_of(store, part) if part.key.startswith(prefix) else "lies outside of the backup"
        if part == record.snapshot.part:
            problem = problem or record.snapshot.problem()
        yield Row(part.key.removeprefix(prefix), part.size, problem)


def _by_reading(store: ObjectStore, record: BackupRecord, row: Row) -> Row:
    try:
        problem = _readers(store, record)[record.layout.prefix + row.name]()
    except BackupUnprovenError as error:
        problem = str(error)
    return Row(row.name, row.size, problem)


def _readers(store: ObjectStore, record: BackupRecord) -> dict[str, Callable[[], str | None]]:
    """What reads each part, by key."""
    manifests = {each.part.key: partial(_manifests_problem, store, record, each) for each in record.manifests}
    evidence = {
        part.key: partial(_evidence_problem, store, record, name, part) for name, part in record.evidence.items()
    }
    return {record.snapshot.part.key: partial(snapshot_problem, store, record.snapshot), **manifests, **evidence}


def snapshot_problem(store: ObjectStore, snapshot: SnapshotPart) -> str | None:
    """What is wrong with the snapshot's bytes: part digests, the whole, and etcd's own digest behind its database.

    etcd writes the SHA-256 of the database behind it; the database is whole pages.
    """
    part = snapshot.part
    whole, body, tail = hashlib.sha256(), hashlib.sha256(), b""
    pieces = _pieces(store, part, snapshot.part_size)
    for number, group in itertools.groupby(pieces, key=lambda each: each[0]):
        digest = hashlib.sha256()
        for _, piece in group:
            for each in (digest, whole):
                each.update(piece)
            tail += piece
            body.update(tail[:-_DIGEST])
            tail = tail[-_DIGEST:]
        if digest.hexdigest() != snapshot.part_digests[number]:
            return f"its part {number + 1} is not what the pod read"
    if whole.hexdigest() != part.sha256:
        return "its digest is not the recorded one"
    if store.get_range(part.key, part.version_id, part.size, 1) is not None:
        return "it is longer than recorded"
    if part.size % _PAGE != _DIGEST or body.digest() != tail:
        return "it is not a whole etcd database"
    return None


def _pieces(store: ObjectStore, part: Part, part_size: int) -> Iterator[tuple[int, bytes]]:
    """(number of the part, bytes) in order; the next few are under way meanwhile."""
    ranges = (
        (number, at, min(RANGE, end - at))
        for number, start in enumerate(range(0, part.size, part_size))
        for end in [min(part.size, start + part_size)]
        for at in range(start, end, RANGE)
    )

    def read(at: int, size: int) -> bytes:
        piece = store.get_range(part.key, part.version_id, at, size)
        if piece is None or len(piece) != size:
            msg = f"its bytes from {at} are missing"
            raise BackupUnprovenError(msg)
        return piece

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        under_way: deque[tuple[int, Future[bytes]]] = deque()
        for number, at, size in ranges:
            under_way.append((number, pool.submit(read, at, size)))
            if len(under_way) >= _AT_ONCE:
                first, piece = under_way.popleft()
                yield first, piece.result()
        for number, piece in under_way:
            yield number, piece.result()


def _manifests_problem(store: ObjectStore, record: BackupRecord, manifests: ManifestPart) -> str | None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        documents = [*yaml.load_all(backups.read_part(store, manifests.part), Loader=loader)]
        names = [(each["kind"], each["metadata"]["name"], each["metadata"].get("namespace")) for each in documents]
    except (yaml.YAMLError, TypeError, KeyError, AttributeError):
        return "it holds something else than Kubernetes objects"
    if len(names) != manifests.count or len(set(names)) != len(names):
        return f"it holds {len(set(names))} objects, not {manifests.count}"
    if strangers := {namespace for _, _, namespace in names} - {manifests.namespace}:
        return f"it holds objects of namespace {', '.join(sorted(map(str, strangers)))}"
    if manifests.plural == HOSTED_CLUSTERS.plural:
        mine = [(each["metadata"]["name"], (each.get("spec") or {}).get("infraID")) for each in documents]
        if mine != [(record.hosted_cluster.name, record.infra_id)]:
            return "it is the HostedCluster of another backup"
    return None


def _evidence_problem(store: ObjectStore, record: BackupRecord, name: str, part: Part) -> str | None:
    try:
        told = json.loads(backups.read_part(store, part))
    except ValueError:
        return "it is no JSON"
    if name != SNAPSHOT:
        return None
    snapshot = record.snapshot
    recorded = {
        "sha256": snapshot.part.sha256,
        "size": snapshot.part.size,
        "composite": snapshot.part.composite,
        "partSize": snapshot.part_size,
        "parts": [*snapshot.part_digests],
        "revision": snapshot.revision,
        "totalKeys": snapshot.total_keys,
    }
    wrong = [key for key, value in recorded.items() if not isinstance(told, dict) or told.get(key) != value]
    return f"it is about another snapshot ({', '.join(wrong)})" if wrong else None


def _strangers(store: ObjectStore, record: BackupRecord) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Objects below the backup that the record does not name: those younger than the record, and the others."""
    named = {record.layout.record, *(each.key for each in record.parts())}
    found = store.objects_below(record.layout.prefix)
    written = next((each.modified for each in found if each.key == record.layout.record), None)
    if written is None:
        msg = f"backup {record.backup_id} was deleted while it was looked at: `lifeboat backups` lists what is left"
        raise BackupUnprovenError(msg)
    strangers = [each for each in found if each.key not in named]
    prefix = record.layout.prefix
    return (
        tuple(each.key.removeprefix(prefix) for each in strangers if each.modified > written),
        tuple(each.key.removeprefix(prefix) for each in strangers if each.modified <= written),
    )
