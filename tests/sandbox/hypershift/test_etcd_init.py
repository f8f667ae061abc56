"""`etcd-init` with real etcd tools: what it restores, and what it takes for restored."""

import http.server
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lifeboat.restore.snapshot_url import checking
from sandbox.hypershift import etcd_init
from tests import etcds

CURL = Path(__file__).parents[3] / "sandbox" / "node" / "curl.py"
NEW, OLD = "4.22.3", "4.17.12"


class Pod:
    """The init container's script over folders of this machine, and what stands behind its URL."""

    def __init__(self, folder, programs, server):
        self.folder, self.server = folder, server
        self.tools = folder / "bin"
        self.tools.mkdir(parents=True)
        for each in ("etcdctl", "etcdutl"):
            (self.tools / each).symlink_to(programs / each)
        (self.tools / "curl").write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {CURL} "$@"\n')
        (self.tools / "curl").chmod(0o755)
        self.data = folder / "var/lib/data"
        self.data.parent.mkdir(parents=True)
        (folder / "tmp").mkdir()

    def run(self, version, path="/snapshot", **environment):
        text = re.sub(r"(?=/var/lib|/tmp/)", str(self.folder), etcd_init.script(version))
        env = {
            "PATH": f"{self.tools}:/usr/bin:/bin",
            "RESTORE_URL_ETCD": f"{self.server.url}{path}",
            "ETCDCTL_API": "3",
            **environment,
        }
        return subprocess.run(
            ["/bin/sh", "-c", text], env=env, capture_output=True, text=True, check=False, timeout=120
        )


@pytest.fixture(scope="module")
def programs():
    return etcds.BUILT or etcds.PYPI


@pytest.fixture(scope="module")
def snapshot(programs, tmp_path_factory):
    """A snapshot with a few keys, saved from a real etcd."""
    folder = tmp_path_factory.mktemp("etcd")
    client, peer = "unix://c.sock:0", "unix://p.sock:0"
    etcd = subprocess.Popen(
        [programs / "etcd", "--data-dir=data", f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
         f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    etcdctl = [programs / "etcdctl", "--endpoints=unix://c.sock:0"]
    try:
        deadline = time.monotonic() + 60
        while subprocess.run([*etcdctl, "put", "a", "1"], cwd=folder, capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        subprocess.run([*etcdctl, "put", "b", "2"], cwd=folder, check=True, capture_output=True)
        subprocess.run([*etcdctl, "snapshot", "save", "s.db"], cwd=folder, check=True, capture_output=True)
    finally:
        etcd.kill()
        etcd.wait()
    return (folder / "s.db").read_bytes()


@pytest.fixture(scope="module")
def server(snapshot):
    """S3 and a proxy: `/expired` answers as S3 does, `/proxy` with a page, `/moved` with a redirect."""
    answers = {
        "/snapshot": (200, snapshot),
        "/expired": (403, b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'),
        "/proxy": (502, b"<html>Bad gateway</html>"),
        "/moved": (307, b""),
        "/half": (200, snapshot[: len(snapshot) // 2]),
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answers[self.path]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status == 307:
                self.send_header("Location", "/snapshot")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.url = f"http://127.0.0.1:{running.server_port}"
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def pod(tmp_path, programs, server):
    return Pod(tmp_path / "pod", programs, server)


def _whole(pod):
    return (pod.data / "member/snap/db").is_file()


def test_it_restores_what_stands_behind_the_url_and_leaves_it_alone_afterwards(pod):
    assert pod.run(NEW).returncode == 0
    assert _whole(pod)
    again = pod.run(NEW, "/expired")
    assert (again.returncode, again.stdout) == (0, "there are data already\n")


@pytest.mark.parametrize("path", ["/expired", "/proxy", "/moved", "/half"])
def test_what_is_no_snapshot_ends_with_an_error_and_leaves_nothing(pod, path):
    """HTTP errors and redirects count as a download; S3's XML is told at once, all else by the tool."""
    ended = pod.run(NEW, path)
    assert ended.returncode != 0
    assert ("<?xml" in ended.stdout) == (path == "/expired")
    assert not pod.data.exists()


@pytest.mark.parametrize(("version", "left"), [(OLD, True), (NEW, False)], ids=["4.17", "4.22"])
def test_a_restore_that_is_cut_off_counts_as_done_on_old_releases_only(pod, version, left):
    """Why they are refused: the second run is content with a part of the data."""
    for tool in ("etcdctl", "etcdutl"):
        (pod.tools / tool).unlink()
        (pod.tools / tool).write_text(
            '#!/bin/sh\n[ "$2" = restore ] || exit 0\n'
            'for each; do case $each in --data-dir=*) mkdir -p "${each#*=}/member/snap";'
            ' echo half > "${each#*=}/member/snap/db.tmp" ;; esac; done\nkill -9 $PPID\n'
        )
        (pod.tools / tool).chmod(0o755)
    assert pod.run(version).returncode != 0
    assert pod.data.exists() == left
    assert (pod.run(version, "/expired").returncode == 0) == left


def test_releases_before_4_22_need_a_tool_that_etcd_3_6_has_no_more(pod):
    if etcds.BUILT is None:
        pytest.skip("no etcd 3.6 on this machine: `make kube` builds it")
    assert pod.run("4.21.0").returncode != 0
    assert not _whole(pod)


def _control_plane(url="https://x", conditions=()):
    storage = {"type": "PersistentVolume", **({"restoreSnapshotURL": [url]} if url else {})}
    return {
        "metadata": {"namespace": "n", "name": "c"},
        "spec": {"etcd": {"managed": {"storage": storage}}},
        "status": {"conditions": list(conditions)},
    }


class Pods:
    """The cache of a controller: etcd's pods with the status of their init container."""

    def __init__(self, *statuses):
        self.statuses = statuses

    def get(self, _resource, name, _namespace):
        status = self.statuses[int(name[-1])]
        return {"status": {"initContainerStatuses": [{"name": etcd_init.NAME, **status}] if status else []}}


DONE = {"state": {"terminated": {"exitCode": 0}}}
FAILED = {"state": {"waiting": {}}, "lastState": {"terminated": {"exitCode": 1}}}


@pytest.mark.parametrize(
    ("ready", "statuses", "told"),
    [
        (1, [DONE], ["True"]),
        (1, [FAILED], ["False"]),
        (0, [DONE], []),
        (2, [DONE, DONE, DONE], []),
        (3, [DONE, DONE, DONE], ["True"]),
        (3, [DONE, None, DONE], []),
    ],
)
def test_the_condition_comes_only_once_all_are_ready(ready, statuses, told):
    found = etcd_init.condition(Pods(*statuses), _control_plane(), len(statuses), ready)
    assert [each[:2] for each in found] == [(etcd_init.RESTORED, each) for each in told]


def test_once_told_it_is_never_looked_at_again_and_true_takes_the_container_away():
    restored = _control_plane(conditions=[{"type": etcd_init.RESTORED, "status": "True"}])
    failed = _control_plane(conditions=[{"type": etcd_init.RESTORED, "status": "False"}])
    assert etcd_init.condition(Pods(DONE), failed, 1, 1) == []
    assert etcd_init.container(restored, "i", NEW) == []
    assert len(etcd_init.container(failed, "i", NEW)) == 1
    assert etcd_init.container(_control_plane(url=None), "i", NEW) == []


def test_sandbox_and_procedure_call_container_and_condition_the_same():
    assert (etcd_init.NAME, etcd_init.RESTORED) == (checking.INIT, checking.RESTORED)
