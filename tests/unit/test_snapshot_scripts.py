"""The scripts of a snapshot, run for real: real etcd, real etcdctl, real parts over HTTP."""

import contextlib
import ctypes
import hashlib
import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lifeboat.errors import EtcdNotReadyError, LeaseLostError, SnapshotFailedError
from lifeboat.etcd import members, pieces, scripts, snapshot, transfer
from lifeboat.etcd.snapshot import MIB, Staging, StagingGone
from lifeboat.etcd.transfer import FUNCTION, POD
from lifeboat.model import Pace
from lifeboat.podshell import PodRef
from lifeboat.ports import composite_of
from tests.etcds import BOTH, PYPI
from tests.unit import real_pod
from tests.unit.a_transfer import BACKUP, KEY, QUOTA, UNPACED, Transfer
from tests.unit.real_pod import until

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl and coreutils")


@pytest.fixture(scope="module", params=BOTH)
def etcd(request, tmp_path_factory):
    """A running etcd of some 24 MiB: two parts or three."""
    with real_pod.running(request.param, tmp_path_factory.mktemp("etcd"), f"--quota-backend-bytes={QUOTA}") as pod:
        pod.fill(20)
        yield pod


@pytest.fixture(scope="module")
def one_etcd(tmp_path_factory):
    with real_pod.running(PYPI, tmp_path_factory.mktemp("etcd"), f"--quota-backend-bytes={QUOTA}") as pod:
        pod.fill(20)
        yield pod


@pytest.fixture
def bucket():
    with real_pod.bucket() as store:
        yield store


@pytest.fixture
def moved(etcd, bucket):
    made = Transfer(etcd, bucket)
    yield made
    made.discard()


@pytest.fixture
def one(one_etcd, bucket):
    """The same with one etcd only, for what is not etcd's business."""
    made = Transfer(one_etcd, bucket)
    yield made
    one_etcd.hidden.clear()
    made.discard()


def _sha256(body):
    return hashlib.sha256(body).hexdigest()


def test_a_member_tells_its_status_and_its_keys(etcd):
    cluster, pod = real_pod.cluster_of(etcd), PodRef("ns", "etcd-0", "etcd")
    status = members.status(cluster, pod)
    assert status.is_leader
    assert status.version.startswith("3.")
    assert members.count_keys(cluster, pod) == 21


def test_a_snapshot_reaches_s3_in_parts_with_digests_of_all_and_each(moved, bucket):
    """Revision, keys and the three digests are told by the pod; S3 has exactly the bytes that etcd wrote."""
    status = members.status(moved.cluster, moved.staging.ref)
    seen = moved.start().end()
    body = bucket.objects[KEY]
    assert (seen.whole.size, seen.whole.sha256) == (len(body), _sha256(body))
    assert (seen.whole.body, seen.whole.tail) == (_sha256(body[:-32]), body[-32:].hex())
    cut = [body[first : first + snapshot.PART_SIZE] for first in range(0, len(body), snapshot.PART_SIZE)]
    assert [each.sha256 for each in seen.parts] == [_sha256(each) for each in cut]
    assert bucket.head(KEY).composite == composite_of([each.sha256 for each in seen.parts])
    assert (seen.revision, moved.progress.way, sorted(bucket.taken)) == (
        status.revision,
        POD,
        [*range(1, len(cut) + 1)],
    )
    assert len(body) % 512 == 32


def test_no_url_is_left_in_a_file_or_an_argument(one, bucket):
    bucket.delay = 0.5
    one.start()
    until(lambda: one.look().digested > 1)
    one.look()
    words = " ".join(one.pod.processes())
    left = b"".join(each.read_bytes() for each in one.folder().rglob("*") if each.is_file())
    assert "curl" in words
    assert "X-Amz-Signature" not in words
    assert b"X-Amz-Signature" not in left
    assert any("X-Amz-Signature" in each for each in one.pod.lines)
    one.end()


def test_starting_twice_saves_once_and_nobody_else_reads_it(one):
    one.start().start()
    before = one.end()
    assert one.start().seen() == before
    assert one.folder().stat().st_mode & 0o077 == 0


def test_a_start_that_comes_later_is_told_what_was_known_when_the_save_began(one):
    """The answer of the first one was lost. What etcd took meanwhile is not in the snapshot."""

    def known(revision, acknowledged):
        source = replace(one.source, revision=revision, acknowledged=acknowledged)
        begun = snapshot.start(one.cluster, one.staging, source, UNPACED)
        return begun.revision, begun.acknowledged

    assert known(41, 42) == (41, 42)
    assert known(43, 44) == (41, 42)
    assert known(43, None) == (41, None)
    (one.folder() / "known").unlink()
    with pytest.raises(EtcdNotReadyError, match="at this moment"):
        known(43, 44)


def test_parts_are_sent_while_the_file_still_grows(one_etcd, bucket):
    made = Transfer(one_etcd, bucket, pace=Pace(read=10 * MIB), part_size=2 * MIB).start()
    try:
        until(lambda: made.look().stored > 1)
        assert not (made.folder() / "saved").exists()
        assert made.end().whole.size == len(bucket.objects[KEY])
        assert sorted(bucket.taken) == [*range(1, len(made.seen().parts) + 1)]
    finally:
        made.discard()


def test_a_paced_save_keeps_to_its_rate(one_etcd, bucket):
    made = Transfer(one_etcd, bucket, pace=Pace(read=10 * MIB)).start()
    began = time.monotonic()
    try:
        until((made.folder() / "facts").exists, 20)
        assert time.monotonic() - began > made.source.db_size / (10 * MIB) / 2
    finally:
        made.discard()


def test_an_older_execution_is_told_to_stop_and_its_leftovers_go(one_etcd, bucket):
    older, newer = Transfer(one_etcd, bucket, epoch=2).start(), Transfer(one_etcd, bucket, epoch=3)
    try:
        newer.start()
        assert not older.folder().exists()
        with pytest.raises(LeaseLostError):
            older.start()
        with pytest.raises(LeaseLostError):
            older.look()
        snapshot.discard(older.cluster, "ns", BACKUP, 2)
        assert newer.end().whole
    finally:
        newer.discard()


def test_the_next_run_sweeps_the_other_pods_as_well(one_etcd, bucket):
    left = Transfer(one_etcd, bucket, epoch=2).start()
    snapshot.sweep(left.cluster, Staging("ns", "etcd-1", f"{BACKUP}-3-1", 3))
    assert not left.folder().exists()
    assert one_etcd.processes() == []


def test_another_round_removes_the_one_before_and_not_the_other_way_round(one_etcd, bucket):
    """A save that broke off may lie there with all its bytes, and the next needs their room."""
    first, second = Transfer(one_etcd, bucket).start(), Transfer(one_etcd, bucket)
    second.staging = replace(first.staging, id=first.staging.id.removesuffix("1") + "2")
    try:
        second.start()
        assert (first.folder().exists(), second.folder().exists()) == (False, True)
        snapshot.sweep(first.cluster, replace(second.staging, pod="etcd-1", id=first.staging.id))
        assert second.folder().exists()
        snapshot.sweep(first.cluster, replace(second.staging, pod="etcd-1"))  # begun by an earlier try, there
        assert not second.folder().exists()
    finally:
        second.discard()


def test_a_pod_without_room_is_refused_before_anything_is_written(one, monkeypatch):
    monkeypatch.setattr(snapshot, "_ROOM_EXTRA", 2**60)
    with pytest.raises(SnapshotFailedError, match="no room"):
        one.start()
    assert not one.folder().exists()


def test_a_worker_that_was_killed_makes_another_round_and_leaves_no_etcdctl(one):
    """Not repeated under the same name: parts of two snapshots would meet in one upload."""
    one.pace = Pace(read=4 * MIB)
    one.start()
    until((one.folder() / "data").exists)
    os.kill(int((one.folder() / "pid").read_text()), signal.SIGKILL)
    until(lambda: not one.pod.processes(), 15)  # the watch ends what a killed pacer may have stopped
    with pytest.raises(StagingGone):
        one.look()
    assert not one.folder().exists()


def test_lanes_that_are_killed_are_begun_anew_and_their_parts_go_again(one, bucket):
    bucket.delay = 2.0
    one.start()
    until(lambda: one.seen().flying or (one.look() and False))
    bucket.delay = 0.0
    killed = 0
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        words = each.read_bytes().split(b"\0") if each.exists() else []
        if b"lifeboat-lane" in words and any(str(one.folder()).encode() in word for word in words):
            os.kill(int(each.parent.name), signal.SIGKILL)
            killed += 1
    assert killed >= 4
    assert one.end().whole


def test_a_claim_of_a_lane_whose_owner_died_is_given_up(one):
    one.start()
    until(lambda: len(list(one.folder().glob("lane.*/in"))) == 4)
    for lane in one.folder().glob("lane.*"):
        (lane / "left").write_text("1\n")
        (lane / "busy").mkdir()
        os.utime(lane / "busy", (1, 1))
    until(lambda: one.look().digested > 1)
    assert one.end().whole


@pytest.mark.parametrize(
    ("status", "tries", "told"),
    [
        (403, 2, "HTTP 403 SomeWord.* after 2 tries"),
        pytest.param(500, 1, "HTTP 500 SomeWord", marks=pytest.mark.full),
    ],
)
def test_what_s3_refuses_is_tried_again_and_at_last_told_without_its_url(one, bucket, monkeypatch, status, tries, told):
    monkeypatch.setattr(transfer, "TRIES", tries)
    bucket.refuse = lambda number: status
    one.start()
    with pytest.raises(SnapshotFailedError, match=told) as refused:
        until(lambda: one.look().is_complete, 30)
    assert "ignature" not in str(refused.value)


def test_a_part_that_s3_refused_once_goes_again(one, bucket):
    tries = []
    bucket.refuse = lambda number: 403 if number == 1 and not tries and (tries.append(1) or True) else 0
    seen = one.start().end()
    assert len(bucket.taken) == len(seen.parts)


def test_without_curl_the_function_carries_the_parts(one, bucket):
    one.pod.hidden = {"curl"}
    if (one.pod.programs / "curl").exists():
        pytest.skip("the host has no curl of its own to hide")
    seen = one.start().end()
    assert (one.progress.way, bucket.taken) == (FUNCTION, [])
    assert seen.whole.sha256 == _sha256(bucket.objects[KEY])


def test_without_a_route_the_function_carries_the_parts(one, bucket):
    url, bucket.url = bucket.url, "http://127.0.0.1:9"
    seen = one.start().end(40)
    assert (one.progress.way, bucket.taken, url != bucket.url) == (FUNCTION, [], True)
    assert seen.whole.sha256 == _sha256(bucket.objects[KEY])


def test_a_piece_that_arrives_cut_is_asked_for_again(one):
    one.start()
    part = until(lambda: one.seen().parts)[0]
    one.pod.cut_next = 2
    assert _sha256(pieces.read_part(one.cluster, one.staging, part)) == part.sha256
    with pytest.raises(SnapshotFailedError, match="changed after it was read"):
        pieces.read_part(one.cluster, one.staging, replace(part, sha256="00" * 32))


def test_a_snapshot_that_was_cut_is_refused(one):
    one.start()
    until((one.folder() / "rc").exists)
    seen = one.seen()
    with pytest.raises(SnapshotFailedError, match="not a whole etcd database"):
        snapshot.prove(one.staging, replace(seen.whole, body="00" * 32), seen.parts)
    with pytest.raises(SnapshotFailedError, match="not a whole etcd database"):
        snapshot.prove(one.staging, seen.whole, seen.parts[:1])


def test_parts_of_other_bytes_in_the_upload_are_overwritten(one, bucket):
    bucket.put_part(KEY, one.progress.upload_id, 1, b"other")
    seen = one.start().end()
    assert seen.whole.sha256 == _sha256(bucket.objects[KEY])


def test_without_etcdutl_the_revision_is_not_made_up(moved):
    """etcdctl 3.6 knows no status and exits 0: its help is taken for nothing else."""
    link = moved.pod.programs / "etcdutl"
    program = link.readlink()
    link.unlink()
    link.write_text("#!/bin/sh\nexit 1\n")
    link.chmod(0o755)
    try:
        seen = moved.start().end()
    finally:
        link.unlink()
        link.symlink_to(program)
    status = members.status(moved.cluster, moved.staging.ref)
    assert seen.revision == (None if status.version.startswith("3.6") else status.revision)


def test_a_database_that_grows_too_much_ends_its_snapshot(one, monkeypatch):
    one.source = snapshot.Source(one.source.db_size, one.source.db_size + 4 * MIB)
    one.pace = Pace(read=MIB)
    one.start()
    one.pod.fill(3)
    with pytest.raises(SnapshotFailedError, match="grew from"):
        until(lambda: one.look().is_complete, 15)


def test_what_nobody_looks_at_any_more_ends_and_goes(one):
    one.start()
    until((one.folder() / "rc").exists)
    os.utime(one.folder() / "seen", (1, 1))
    until(lambda: not one.folder().exists() and not one.pod.processes())


def test_the_quota_is_told_by_environment_or_argument():
    cluster = real_pod.MemoryCluster()
    for name, container in {
        "etcd-0": {"env": [{"name": "ETCD_QUOTA_BACKEND_BYTES", "value": "8589934592"}]},
        "etcd-1": {"command": ["sh", "-c", "exec etcd --quota-backend-bytes=4294967296"]},
        "etcd-2": {"env": [{"name": "ETCD_QUOTA_BACKEND_BYTES", "value": "-1"}]},
        "etcd-3": {},
    }.items():
        spec = {"containers": [{"name": "etcd", **container}]}
        cluster.add({"kind": "Pod", "metadata": {"namespace": "ns", "name": name}, "spec": spec})
    told = [snapshot.source_of(cluster, Staging("ns", f"etcd-{n}", "x", 1), 0).quota for n in range(4)]
    assert told == [8 * 1024**3, 4 * 1024**3, 0, 2 * 1024**3]


@pytest.mark.parametrize(("limit", "told"), [("2Gi", 2 * 1024**3), ("500M", 500_000_000), ("1000", 1000), (None, None)])
def test_a_container_that_may_not_hold_its_snapshot_is_refused(limit, told):
    cluster, staging = real_pod.MemoryCluster(), Staging("ns", "etcd-0", "x", 1)
    limits = {"ephemeral-storage": limit} if limit else {}
    spec = {"containers": [{"name": "etcd", "resources": {"limits": limits}}]}
    cluster.add({"kind": "Pod", "metadata": {"namespace": "ns", "name": "etcd-0"}, "spec": spec})
    source = snapshot.source_of(cluster, staging, 2 * 1024**3)
    assert source.ephemeral.storage == told
    if told:
        with pytest.raises(SnapshotFailedError, match="ephemeral-storage"):
            snapshot.start(cluster, staging, source, UNPACED)


@pytest.mark.parametrize(
    ("size", "part"), [(0, 16), (2047 * MIB, 16), (2048 * MIB, 32), (8 * 1024**3, 32), (32_001 * MIB, 33)]
)
def test_parts_grow_with_the_database_beyond_a_thousand(size, part):
    assert snapshot.part_size(size) == part * MIB


def test_a_member_at_its_quota_may_be_saved_whatever_happens():
    """NOSPACE: etcd takes no writes, so its database does not grow by them."""
    assert snapshot.Source(100, 100).may_grow == 0
    assert snapshot.Source(100, 900).may_grow == 200


def test_scripts_name_their_staging_in_arguments_only():
    """What ends the work finds it by command lines: a script that holds the folder's name would end itself."""
    assert "/tmp/lifeboat/$1" in scripts.STAGING


def _orphans():
    """Process ids of dead children that this process has inherited and nobody has reaped."""
    found = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            _, _, rest = each.read_text().rpartition(")")
            state, parent, *_ = rest.split()
            if state == "Z" and int(parent) == os.getpid():
                found.append(int(each.parent.name))
    return found


def test_what_ends_leaves_hardly_anything_to_reap(one, bucket):
    """PID 1 of an etcd container is etcd, which reaps nothing: the dead count against the pod's limit of processes."""
    subreaper = 36  # PR_SET_CHILD_SUBREAPER: this process stands in for PID 1
    libc = ctypes.CDLL(None)
    libc.prctl(subreaper, 1)
    try:
        one.start().end()
        assert _orphans() == []
        one.discard()
        assert len(_orphans()) <= 3
    finally:
        libc.prctl(subreaper, 0)
        for process in _orphans():
            os.waitpid(process, os.WNOHANG)
