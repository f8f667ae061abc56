"""`verify`: what a backup turns out to be, by S3's word and by reading all of it."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import tracemalloc

import pytest

from lifeboat import backups, examining
from lifeboat.errors import BackupUnprovenError
from lifeboat.ports import composite_of
from tests.unit.memory import NOW, MemorySigner, MemoryStore
from tests.unit.stored_backups import BLUE, PART, a_committed_backup, a_database, a_stored_backup, backup_id_at

ID, LATER = backup_id_at(NOW), backup_id_at(NOW + datetime.timedelta(hours=1))


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def signer():
    return MemorySigner()


def examine(store, signer, backup_id=None, *, deep=True):
    return examining.examine(store, signer, BLUE, backup_id, deep=deep)


def problems(found) -> dict[str, str]:
    return {each.name: each.problem for each in found.rows if each.problem}


@pytest.mark.parametrize("deep", [False, True])
def test_a_whole_backup_is_proven(store, signer, deep):
    record = a_committed_backup(store, signer, ID)
    found = examine(store, signer, deep=deep)
    assert found.is_proven
    assert [each.problem for each in found.rows] == [None] * 6
    assert (found.added, found.leftovers) == ((), ())
    assert sum(each.size for each in found.rows) == record.size


def test_the_newest_is_looked_at_although_it_does_not_verify(store, signer):
    """`latest` would pass over it; who asks whether backups are good must hear of it."""
    a_committed_backup(store, signer, ID)
    newest = a_committed_backup(store, signer, LATER)
    store.delete(newest.snapshot.part.key)
    found = examine(store, signer)
    assert (found.record.backup_id, found.is_proven) == (LATER, False)
    assert examine(store, signer, ID).is_proven


@pytest.mark.parametrize("deep", [False, True])
def test_a_part_below_a_delete_marker_or_another_version_is_told(store, signer, deep):
    """A restore could still read it, until the life cycle ends it."""
    record = a_committed_backup(store, signer, ID)
    gone, overwritten = record.manifests[0].part.key, record.manifests[1].part.key
    store.delete(gone)
    store.delete(overwritten)
    store.put(overwritten, b"kind: Secret")
    found = examine(store, signer, deep=deep)
    assert len(problems(found)) == 2
    assert all("deleted or overwritten" in each for each in problems(found).values())
    backups.verify_parts(store, record, current=False)
    with pytest.raises(BackupUnprovenError, match="deleted or overwritten"):
        backups.verify_parts(store, record)


def test_a_backup_that_is_deleted_while_it_is_looked_at_is_told(store, signer, monkeypatch):
    record = a_committed_backup(store, signer, ID)
    below = store.objects_below

    def deleted_first(prefix):
        store.delete(record.layout.record)
        return below(prefix)

    monkeypatch.setattr(store, "objects_below", deleted_first)
    with pytest.raises(BackupUnprovenError, match="was deleted while"):
        examine(store, signer)


def test_what_was_added_later_is_no_part_and_what_was_left_before_means_nothing(store, signer):
    record = a_stored_backup(store, ID)
    store.put(f"{record.layout.manifests_prefix}clusters.secrets.0123.yaml", b"earlier attempt")
    store.now = NOW + datetime.timedelta(minutes=1)
    backups.commit(store, signer, record)
    assert examine(store, signer).is_proven
    store.now = NOW + datetime.timedelta(minutes=2)
    store.put(f"{record.layout.manifests_prefix}clusters.secrets.4567.yaml", b"kind: Secret")
    found = examine(store, signer)
    assert not found.is_proven
    assert found.added == ("manifests/clusters.secrets.4567.yaml",)
    assert found.leftovers == ("manifests/clusters.secrets.0123.yaml",)


def committed_with(store, signer, snapshot: bytes):
    """A backup that is signed and stored as recorded, of a file that is none."""
    return a_committed_backup(store, signer, ID, snapshot=snapshot)


@pytest.mark.parametrize(
    "snapshot",
    [a_database()[:-1], a_database()[:-32], a_database() + b"\0" * 512, b"<html>503</html>", b"", a_database()[512:]],
    ids=["cut", "without digest", "longer", "html", "empty", "begun later"],
)
def test_only_a_deep_look_tells_that_what_was_recorded_is_no_database(store, signer, snapshot):
    if not snapshot:
        with pytest.raises(BackupUnprovenError, match="parts are not told"):
            committed_with(store, signer, snapshot)
        return
    committed_with(store, signer, snapshot)
    assert examine(store, signer, deep=False).is_proven
    assert set(problems(examine(store, signer)).values()) == {"it is not a whole etcd database"}


def test_a_digest_of_the_whole_that_no_part_contradicts_is_found(store, signer):
    """S3 knows digests of parts only."""
    record = a_stored_backup(store, ID)
    part = dataclasses.replace(record.snapshot.part, sha256=hashlib.sha256(b"another").hexdigest())
    backups.commit(store, signer, dataclasses.replace(record, snapshot=dataclasses.replace(record.snapshot, part=part)))
    assert examine(store, signer, deep=False).is_proven
    assert "its digest is not the recorded one" in problems(examine(store, signer)).values()


def test_one_wrong_byte_names_its_part(store, signer):
    """What S3 would not do, a disk or a hand might."""
    record = a_committed_backup(store, signer, ID)
    key = record.snapshot.part.key
    body = bytearray(store.objects[key])
    body[PART + 3] ^= 1
    store.objects[key] = bytes(body)
    assert problems(examine(store, signer)) == {"etcd/" + key.rpartition("/")[2]: "its part 2 is not what the pod read"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda each: {"part_digests": each.part_digests[::-1]}, "not those that S3 has"),
        (lambda each: {"part_digests": each.part_digests[:-1]}, "are not"),
        (lambda each: {"part_digests": (*each.part_digests, each.part_digests[0])}, "are not"),
        (lambda each: {"part_digests": ()}, "not told"),
        (lambda each: {"part_size": 0}, "not told"),
        (lambda each: {"part_size": each.part_size * 2}, "are not"),
        (lambda each: {"part": dataclasses.replace(each.part, composite=None)}, "one part is not"),
        (
            lambda each: {
                "part": dataclasses.replace(each.part, composite=composite_of(each.part_digests[::-1])),
                "part_digests": each.part_digests[::-1],
            },
            "not what was recorded",
        ),
    ],
)
def test_parts_that_do_not_fit_are_never_committed(store, signer, change, told):
    record = a_stored_backup(store, ID)
    wrong = dataclasses.replace(record, snapshot=dataclasses.replace(record.snapshot, **change(record.snapshot)))
    with pytest.raises(BackupUnprovenError, match=told):
        backups.commit(store, signer, wrong)


def test_memory_does_not_grow_with_the_snapshot(signer, monkeypatch):
    monkeypatch.setattr(examining, "RANGE", 64 * 1024)
    peaks = []
    for pages in (16, 2048):
        store = MemoryStore()
        record = a_committed_backup(store, signer, ID, snapshot=_pages(pages))
        tracemalloc.start()
        assert examining.snapshot_problem(store, record.snapshot) is None
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 20 * 64 * 1024


def _pages(count: int) -> bytes:
    body = bytes(range(256)) * 2 * count
    return body + hashlib.sha256(body).digest()
