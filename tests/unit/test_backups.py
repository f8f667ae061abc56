"""Without a signed record that names every part as it is stored, there is no backup."""

import dataclasses
import hashlib
import json

import pytest

from lifeboat import backups, signed
from lifeboat.backups import BackupRecord, ManifestPart, Part, SnapshotPart
from lifeboat.errors import BackupUnprovenError
from lifeboat.model import BackupKind, HostedClusterRef
from tests.unit.memory import MemorySigner, MemoryStore

BLUE = HostedClusterRef("clusters", "blue")
OLD, NEW = "20261103t100000z-quiesced-0a1b2c3d", "20261104t100000z-online-0a1b2c3d"


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def signer():
    return MemorySigner()


def a_record(store, backup_id=OLD, infra_id="blue-x"):
    def part(name, body):
        prefix = f"hosted-clusters/clusters/blue/{infra_id}/backups/{backup_id}/"
        return Part.of(store.put(prefix + name, body), hashlib.sha256(body).hexdigest())

    digest = hashlib.sha256(b"snapshot").hexdigest()
    snapshot = part("etcd/s.db", b"snapshot")
    return BackupRecord(
        backup_id=backup_id,
        kind=BackupKind.QUIESCED,
        hosted_cluster=BLUE,
        infra_id=infra_id,
        source="mgmt-1",
        operation_id="op",
        created_at="2026-11-03T10:00:00+00:00",
        snapshot=SnapshotPart(snapshot, 42, 7, "etcd-0", 3, "image", "3.5.12", len(b"snapshot"), (digest,)),
        manifests=(ManifestPart(part("manifests/a.yaml", b"kind: A\n---\nkind: B\n"), "secrets", "", "clusters", 2),),
        evidence={"source.json": part("evidence/source.json", b'{"replicas": 2}')},
    )


def spoil(store, signer, backup_id, what):
    """Commit a backup, then change its record after the signature, or one of its parts."""
    record = a_record(store, backup_id)
    backups.commit(store, signer, record)
    if what == "part":
        store.objects[record.snapshot.part.key] = b"snapshoT"
    else:
        store.objects[record.layout.record] = store.objects[record.layout.record].replace(b"mgmt-1", b"mgmt-9")


def test_a_committed_backup_is_loaded_as_it_was(store, signer):
    record = a_record(store)
    digest = backups.commit(store, signer, record)
    assert backups.load(store, signer, BLUE, OLD) == (record, digest)
    assert backups.read_manifests(store, record, "secrets") == [{"kind": "A"}, {"kind": "B"}]
    assert backups.read_evidence(store, record, "source.json") == {"replicas": 2}


def test_committing_twice_is_committing_once(store, signer):
    first = backups.commit(store, signer, a_record(store))
    again = dataclasses.replace(a_record(store), created_at="2026-11-03T11:00:00+00:00")
    assert backups.commit(store, signer, again) == first


def test_latest_is_the_newest_committed_one(store, signer):
    backups.commit(store, signer, a_record(store))
    a_record(store, NEW)  # its parts are there, its record is not
    assert backups.load(store, signer, BLUE, "latest")[0].backup_id == OLD
    backups.commit(store, signer, a_record(store, NEW))
    assert backups.load(store, signer, BLUE, "latest")[0].backup_id == NEW


@pytest.mark.parametrize("damaged", ["record", "part"])
def test_latest_is_the_newest_that_verifies_and_tells_what_it_passed_over(store, signer, damaged):
    digest = backups.commit(store, signer, a_record(store))
    spoil(store, signer, NEW, damaged)
    record, found, skipped = backups.latest(store, signer, BLUE)
    assert (record.backup_id, found) == (OLD, digest)
    assert [each.partition(":")[0] for each in skipped] == [NEW]
    assert backups.load(store, signer, BLUE, "latest") == (record, digest)


def test_latest_never_ends_with_one_that_does_not_verify(store, signer):
    spoil(store, signer, OLD, "part")
    spoil(store, signer, NEW, "record")
    with pytest.raises(BackupUnprovenError, match=rf"can be proven.*{NEW}.*changed.*{OLD}.*not what was recorded"):
        backups.latest(store, signer, BLUE)


def test_one_named_by_its_id_is_never_another(store, signer):
    backups.commit(store, signer, a_record(store))
    spoil(store, signer, NEW, "record")
    with pytest.raises(BackupUnprovenError, match="changed after"):
        backups.load(store, signer, BLUE, NEW)


@pytest.mark.parametrize("backup_id", ["latest", OLD])
def test_without_a_record_there_is_no_backup(store, signer, backup_id):
    a_record(store)
    with pytest.raises(BackupUnprovenError, match="has no backup"):
        backups.load(store, signer, BLUE, backup_id)


@pytest.mark.parametrize("key", ["etcd/s.db", "manifests/a.yaml", "evidence/source.json"])
@pytest.mark.parametrize("damage", [b"", b"snapshoT", None], ids=["empty", "changed", "missing"])
def test_a_damaged_part_is_found_before_anything_is_restored(store, signer, key, damage):
    record = a_record(store)
    full = record.layout.prefix + key
    if damage is None:
        del store.objects[full]
    else:
        store.objects[full] = damage
    with pytest.raises(BackupUnprovenError, match=key):
        backups.verify_parts(store, record)
    with pytest.raises(BackupUnprovenError):
        backups.commit(store, signer, record)
    assert record.layout.record not in store.objects


def test_a_part_of_another_backup_is_refused(store, signer):
    foreign = a_record(store, NEW).snapshot
    with pytest.raises(BackupUnprovenError, match="outside"):
        backups.verify_parts(store, dataclasses.replace(a_record(store), snapshot=foreign))


def test_a_record_changed_after_signing_is_refused(store, signer):
    record = a_record(store)
    backups.commit(store, signer, record)
    document = json.loads(store.objects[record.layout.record])
    document["payload"]["snapshot"]["revision"] = 41
    store.objects[record.layout.record] = json.dumps(document).encode()
    with pytest.raises(BackupUnprovenError, match="changed after"):
        backups.load(store, signer, BLUE, OLD)


@pytest.mark.parametrize(
    "body", [b"", b"<?xml?>", b"[]", b"[" * 100_000, b'{"payload": 1, "signature": {"value": ""}}']
)
def test_a_record_that_is_no_record_is_refused(store, signer, body):
    record = a_record(store)
    store.objects[record.layout.record] = body
    with pytest.raises(BackupUnprovenError):
        backups.load(store, signer, BLUE, OLD)


def test_a_signed_record_moved_to_another_place_is_refused(store, signer):
    record = a_record(store)
    backups.commit(store, signer, record)
    moved = a_record(store, NEW)
    store.objects[moved.layout.record] = store.objects[record.layout.record]
    with pytest.raises(BackupUnprovenError, match="another backup"):
        backups.load(store, signer, BLUE, NEW)


class Twin(MemoryStore):
    """The store as a task sees it that looked for a document just before its twin wrote it."""

    def __init__(self, store, key):
        super().__init__()
        vars(self).update(vars(store))
        self._unseen = [key]

    def get(self, key, version_id=None):
        if key in self._unseen:
            self._unseen.remove(key)
            return None
        return super().get(key, version_id)


class EcdsaLike(MemorySigner):
    """No two signatures of one digest are the same."""

    def __init__(self):
        super().__init__()
        self._made = 0

    def sign(self, digest):
        self._made += 1
        return super().sign(digest) + bytes([self._made])

    def verify(self, digest, signature):
        return MemorySigner.sign(self, digest) == signature[:-1]


def test_overlapping_commits_of_one_task_are_one_backup(store):
    signer, record = EcdsaLike(), a_record(store)
    first = backups.commit(store, signer, record)
    later = dataclasses.replace(record, created_at="2026-11-03T10:00:09+00:00")
    assert backups.commit(Twin(store, record.layout.record), signer, later) == first
    assert backups.load(store, signer, BLUE, OLD) == (record, first)


def test_an_overlapping_commit_that_names_other_parts_is_refused(store):
    signer, record = EcdsaLike(), a_record(store)
    backups.commit(store, signer, record)
    other = dataclasses.replace(record, source="mgmt-2")
    with pytest.raises(BackupUnprovenError, match="says something else"):
        backups.commit(Twin(store, record.layout.record), signer, other)


def test_of_two_that_write_at_a_time_the_first_one_counts(store):
    """A plan, a report: what each of the twins saw may differ, one of them is kept."""
    signer = EcdsaLike()
    signed.put_first(store, signer, "report.json", {"at": 1})
    there, document = signed.put_first(Twin(store, "report.json"), signer, "report.json", {"at": 2})
    assert (there, document) == ({"at": 1}, store.objects["report.json"])


def test_one_that_was_forged_in_between_does_not_count(store, signer):
    store.put("report.json", signed.seal({"at": 1}, MemorySigner(b"somebody else")))
    with pytest.raises(BackupUnprovenError, match="changed after"):
        signed.put_first(Twin(store, "report.json"), signer, "report.json", {"at": 2})


def test_a_bucket_without_versions_holds_no_backup(store, signer):
    """A restore reads by version; without them a part could change under it."""
    record = a_record(store)
    part = dataclasses.replace(record.evidence["source.json"], version_id=None)
    with pytest.raises(BackupUnprovenError, match="versioning"):
        backups.commit(store, signer, dataclasses.replace(record, evidence={"source.json": part}))
