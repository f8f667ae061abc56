"""A defragmentation beside a save: etcd locks all up until the snapshot's read transaction ends, then writes anew."""

import json
import shutil
import subprocess
import time

import pytest

from lifeboat.etcd import members, snapshot
from lifeboat.etcd.snapshot import MIB
from lifeboat.model import Pace
from tests.etcds import BOTH
from tests.unit import real_pod
from tests.unit.a_transfer import KEY, QUOTA, UNPACED, Transfer
from tests.unit.real_pod import until

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl and coreutils")
_KEPT = 20


@pytest.fixture(params=BOTH)
def etcd(request, tmp_path):
    """Some 40 MiB, half of which a defragmentation gives back."""
    with real_pod.running(request.param, tmp_path, f"--quota-backend-bytes={QUOTA}") as pod:
        pod.fill(2 * _KEPT)
        for number in range(_KEPT):
            pod.etcdctl("del", f"fill-{number}")
        revision = json.loads(pod.etcdctl("endpoint", "status", "-w", "json"))[0]["Status"]["header"]["revision"]
        pod.etcdctl("compact", "--physical", str(revision))
        pod.etcdctl("put", "last", "1")
        yield pod


@pytest.fixture
def bucket():
    with real_pod.bucket() as store:
        yield store


@pytest.mark.parametrize(
    "pace", [UNPACED, pytest.param(Pace(read=MIB // 4), marks=pytest.mark.full)], ids=["fast", "paced"]
)
def test_a_save_is_whole_although_its_member_is_defragmented_meanwhile(etcd, bucket, pace, tmp_path):
    """The defragmentation waits; a paced save lets its pace go when nobody is answered any more."""
    made = Transfer(etcd, bucket, pace=pace)
    before = members.status(made.cluster, made.staging.ref)
    try:
        made.start()
        until((made.folder() / "data").exists)
        began = time.monotonic()
        with subprocess.Popen([etcd.programs / "etcdctl", "--command-timeout=60s", "defrag"]) as defragmenting:
            seen = made.end(60)
            took = time.monotonic() - began
            assert defragmenting.wait(60) == 0
        snapshot.prove(made.staging, seen.whole, seen.parts)
        assert seen.whole.size == len(bucket.objects[KEY])
        assert not pace.read or took < before.db_size / pace.read / 2, "its pace was kept while nobody was answered"
        assert (made.folder() / "unpaced").exists() == bool(pace.read)
    finally:
        made.discard()
    assert members.status(made.cluster, made.staging.ref).db_size < before.db_size / 1.5, "it was defragmented"
    (tmp_path / "stored.db").write_bytes(bucket.objects[KEY])
    said = subprocess.run(
        [etcd.programs / "etcdutl", "snapshot", "status", "-w", "json", tmp_path / "stored.db"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(said.stdout)["revision"] == before.revision
    assert members.count_keys(made.cluster, made.staging.ref) == _KEPT + 2


@pytest.mark.full
def test_a_snapshot_tells_less_than_its_member_when_the_last_writes_are_compacted_deletions(etcd, bucket):
    """Of 3.5, that is. So a tool's word is held against what the member says is compacted."""
    etcd.etcdctl("del", "last")
    made = Transfer(etcd, bucket)
    before = members.status(made.cluster, made.staging.ref)
    revision = before.revision
    assert not members.is_compacted(made.cluster, made.staging.ref, revision - 1)
    etcd.etcdctl("compact", "--physical", str(revision))
    try:
        seen = made.start().end()
    finally:
        made.discard()
    assert (seen.revision < revision) == before.version.startswith("3.5")
    if seen.revision < revision:
        assert members.is_compacted(made.cluster, made.staging.ref, seen.revision)
