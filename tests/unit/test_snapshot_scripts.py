"""The scripts of a snapshot, run for real: real etcd, real etcdctl, a real PUT."""

import contextlib
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

from lifeboat import podshell
from lifeboat.errors import LeaseLostError, SnapshotFailedError
from lifeboat.etcd import members, scripts, snapshot
from lifeboat.layout import BackupLayout
from lifeboat.podshell import PodRef
from lifeboat.ports import ExecResult
from tests.etcds import BOTH
from tests.unit.memory import MemoryCluster, MemoryStore

CURL = Path(__file__).parents[2] / "sandbox" / "node" / "curl.py"
pytestmark = pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs coreutils")

# Drops the options that only a pod can serve: its certificates, and its own loopback name.
ETCDCTL = """#!/bin/sh
skip=
for each; do
  shift
  if [ "$skip" ]; then skip=; continue; fi
  case $each in --cacert | --cert | --key) skip=yes ;; --endpoints=*) ;; *) set -- "$@" "$each" ;; esac
done
exec "{binary}" --endpoints=http://127.0.0.1:{port} "$@"
"""


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module", params=BOTH)
def tools(tmp_path_factory, request):
    """A folder of programs like an etcd image's, whose etcdctl reaches a running etcd."""
    programs = request.param
    folder = tmp_path_factory.mktemp("tools")
    client, peer = _free_port(), _free_port()
    for name, text in {
        "etcdctl": ETCDCTL.format(binary=programs / "etcdctl", port=client),
        "curl": f'#!/bin/sh\nexec "{sys.executable}" "{CURL}" "$@"\n',
    }.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "etcdutl").symlink_to(programs / "etcdutl")
    command = [
        programs / "etcd",
        f"--data-dir={folder / 'data'}",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-cluster=default=http://127.0.0.1:{peer}",
        "--unsafe-no-fsync",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until(
            lambda: (
                subprocess.run([folder / "etcdctl", "put", "a", "1"], capture_output=True, check=False).returncode == 0
            )
        )
        yield folder
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def cluster(tools):
    """Exec runs here, with the image's programs first."""
    cluster = MemoryCluster()

    def run(namespace, pod, container, command, stdin):
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
        done = subprocess.run(
            list(command), input=stdin, capture_output=True, text=True, check=False, timeout=30, env=environment
        )
        return ExecResult(done.stdout, done.stderr, done.returncode)

    cluster.exec_handler = run
    return cluster


@pytest.fixture
def staging(cluster):
    made = snapshot.Staging("ns", "etcd-0", f"test-{uuid.uuid4().hex[:12]}-1", 2)
    yield made
    podshell.run(cluster, made.ref, scripts.DISCARD, made.id)
    assert not Path("/tmp/lifeboat", made.id).exists()


@contextlib.contextmanager
def _a_bucket(status=200):
    """Takes PUTs; `received` is what came in: (path, headers, body)."""
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self):
            received.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Store(MemoryStore):
    """Hands out URLs of the bucket above."""

    def __init__(self, url, received):
        super().__init__()
        self._url, self._received = url, received

    def presigned_put(self, key, sha256, expires):
        return f"{self._url}/{key}?X-Amz-Signature=bearer", {"x-amz-checksum-sha256": sha256, "If-None-Match": "*"}

    def head(self, key, version_id=None):
        for path, _, body in self._received:
            if path.startswith(f"/{key}?"):
                self.objects[key] = body
        return super().head(key, version_id)


def _until(look, seconds=10):
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "took too long"
        time.sleep(0.05)
    return found


def _take(cluster, staging):
    snapshot.start(cluster, staging, 20_000)
    return _until(lambda: snapshot.check(cluster, staging)[1])


def test_a_member_tells_its_status_and_its_keys(cluster):
    pod = PodRef("ns", "etcd-0", "etcd")
    status = members.status(cluster, pod)
    assert status.is_leader
    assert status.version.startswith("3.")
    assert (status.alarms, members.count_keys(cluster, pod)) == ((), 1)


def test_a_snapshot_is_whole_and_told_with_its_revision_and_keys(cluster, staging):
    status = members.status(cluster, staging.ref)
    saved = _take(cluster, staging)
    assert (saved.revision, saved.total_keys) == (status.revision, 1)
    assert saved.size % 512 == 32


def test_without_etcdutl_the_revision_is_told_as_well(cluster, staging, tools):
    """etcdctl 3.6 knows no status and exits 0: its help is taken for nothing else."""
    link = tools / "etcdutl"
    program = link.readlink()
    link.unlink()
    try:
        saved = _take(cluster, staging)
    finally:
        link.symlink_to(program)
    assert saved.revision == members.status(cluster, staging.ref).revision


def test_starting_twice_saves_once(cluster, staging):
    first = _take(cluster, staging)
    file = Path("/tmp/lifeboat", staging.id, "snapshot.db")
    written = file.stat().st_mtime_ns
    assert _take(cluster, staging) == first
    assert file.stat().st_mtime_ns == written
    assert file.stat().st_mode & 0o077 == 0


def test_an_older_execution_is_told_to_stop(cluster, staging):
    _take(cluster, staging)
    late = snapshot.Staging(staging.namespace, staging.pod, staging.id, staging.epoch - 1)
    with pytest.raises(LeaseLostError):
        snapshot.start(cluster, late, 20_000)


def test_a_pod_without_room_is_refused_before_anything_is_written(cluster, staging, monkeypatch):
    monkeypatch.setattr(snapshot, "_ROOM_EXTRA", 2**60)
    with pytest.raises(SnapshotFailedError, match="no room"):
        snapshot.start(cluster, staging, 20_000)


def test_a_snapshot_that_was_cut_is_refused(cluster, staging):
    _take(cluster, staging)
    folder = Path("/tmp/lifeboat", staging.id)
    with (folder / "snapshot.db").open("r+b") as file:
        file.seek(100)
        file.write(b"flipped")
    (folder / "rc").unlink()
    snapshot.start(cluster, staging, 20_000)
    with pytest.raises(SnapshotFailedError, match="not a whole etcd database"):
        _until(lambda: snapshot.check(cluster, staging)[1])


def test_an_upload_sends_the_bytes_and_leaves_no_url_behind(cluster, staging):
    saved = _take(cluster, staging)
    with _a_bucket() as (url, received):
        store, layout = _Store(url, received), BackupLayout("backups/one/")
        assert snapshot.start_upload(cluster, store, layout, staging, saved) is True
        _until(lambda: snapshot.check_upload(cluster, store, layout, staging, saved))
        assert snapshot.start_upload(cluster, store, layout, staging, saved) is False
    (_, headers, body), *more = received
    assert (more, len(body), headers["If-None-Match"]) == ([], saved.size, "*")
    left = b"".join(each.read_bytes() for each in Path("/tmp/lifeboat", staging.id).iterdir())
    assert b"X-Amz-Signature" not in left


def test_an_upload_that_s3_refuses_is_told_without_its_url(cluster, staging):
    saved = _take(cluster, staging)
    with _a_bucket(403) as (url, received):
        store, layout = MemoryStore(), BackupLayout("backups/one/")
        store.presigned_put = _Store(url, received).presigned_put
        snapshot.start_upload(cluster, store, layout, staging, saved)
        with pytest.raises(SnapshotFailedError, match="HTTP 403") as refused:
            _until(lambda: snapshot.check_upload(cluster, store, layout, staging, saved))
    assert "Signature" not in str(refused.value)


def test_a_dead_process_is_not_taken_for_one_at_work(cluster, staging):
    _take(cluster, staging)
    folder = Path("/tmp/lifeboat", staging.id)
    (folder / "rc").unlink()
    (folder / "snapshot.db").unlink()
    (folder / "pid").write_text("1\n")  # lives, and is none of ours
    with pytest.raises(SnapshotFailedError, match="lost"):
        snapshot.check(cluster, staging)
    assert _take(cluster, staging).total_keys == 1


def test_discarding_ends_what_still_runs(cluster, staging, tools, tmp_path):
    told = tmp_path / "told"
    slow = tools / "etcdctl"
    normal = slow.read_text()
    slow.write_text(f"#!/bin/sh\necho $$ > {told}\nexec sleep 60\n")
    try:
        snapshot.start(cluster, staging, 20_000)
        number = int(_until(lambda: told.exists() and told.read_text()))
        podshell.run(cluster, staging.ref, scripts.DISCARD, staging.id)
        _until(lambda: not Path(f"/proc/{number}").exists() or not Path(f"/proc/{number}/cmdline").read_bytes())
    finally:
        slow.write_text(normal)
    assert not Path("/tmp/lifeboat", staging.id).exists()
