"""The scripts that fill a volume, run for real with real etcd binaries."""

import concurrent.futures
import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from lifeboat.restore.etcd_scripts import START, STATUS, WORK
from tests.etcds import BOTH, BUILT, PYPI, needs_3_6

pytestmark = pytest.mark.skipif(not shutil.which("curl") or not shutil.which("setsid"), reason="needs curl and setsid")


def run(script, *arguments, stdin="", path=None):
    environment = {**os.environ, "PATH": f"{path or PYPI}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", script, "lifeboat", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env=environment,
    )
    assert not done.stderr
    return done.stdout.strip()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def etcd(folder, name, client, peer, cluster, programs=PYPI):
    command = [
        programs / "etcd",
        f"--name={name}",
        f"--data-dir={folder}",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-cluster={cluster}",
        "--initial-cluster-token=etcd-cluster",
        "--unsafe-no-fsync",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def etcdctl(port, *arguments):
    command = [PYPI / "etcdctl", f"--endpoints=http://127.0.0.1:{port}", *arguments]
    for _ in range(50):
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={"ETCDCTL_API": "3"}, timeout=20
        )
        if done.returncode == 0:
            return done.stdout
        time.sleep(0.1)
    pytest.fail(done.stderr)


def make_snapshot(folder, programs):
    client, peer = free_port(), free_port()
    with etcd(folder / "data", "one", client, peer, f"one=http://127.0.0.1:{peer}", programs):
        for number in range(5):
            etcdctl(client, "put", f"/key/{number}", f"value {number}")
        etcdctl(client, "snapshot", "save", str(folder / "snapshot.db"))
    return folder / "snapshot.db"


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    return make_snapshot(tmp_path_factory.mktemp("snapshot"), PYPI)


def digest_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Volume:
    """One volume, and the restore into it."""

    def __init__(self, root, snapshot, member="etcd-0", peers="etcd-0=http://127.0.0.1:2380"):
        self.root, self.snapshot, self.member, self.peers = root, snapshot, member, peers
        self.digest, self.size = digest_of(snapshot), snapshot.stat().st_size
        root.mkdir(exist_ok=True)

    def start(self, epoch=1, url=None, path=None, revision=""):
        url_of_member = dict(each.split("=", 1) for each in self.peers.split(","))[self.member]
        arguments = [WORK, self.root, epoch, self.digest, self.size, self.member, self.peers, "etcd-cluster"]
        given = url or self.snapshot.as_uri()
        return run(START, *arguments, url_of_member, revision, stdin=f"{given}\n", path=path)

    def status(self, revision=""):
        return run(STATUS, self.root, self.digest, revision)

    def wait(self):
        for _ in range(200):
            status = self.status()
            if status.split()[0] not in {"downloading", "restoring"}:
                return status
            time.sleep(0.05)
        return pytest.fail(f"still {status}")


@pytest.mark.parametrize("restoring", BOTH)
@pytest.mark.parametrize("saving", BOTH)
def test_three_volumes_become_one_cluster_with_the_same_data(tmp_path, saving, restoring):
    """Each volume by itself, one snapshot: the members then find each other, under one cluster id.

    The versions are the same as a rule. An upgrade of the hosted cluster that began before the snapshot makes them
    differ.
    """
    snapshot = make_snapshot(tmp_path, saving)
    clients, ports = [free_port() for _ in range(3)], [free_port() for _ in range(3)]
    peers = ",".join(f"etcd-{n}=http://127.0.0.1:{port}" for n, port in enumerate(ports))
    for number in range(3):
        volume = Volume(tmp_path / str(number), snapshot, f"etcd-{number}", peers)
        assert volume.start(path=restoring) == "started"
        assert volume.wait() == f"done {volume.digest}"
    with contextlib.ExitStack() as stack:
        for number in range(3):
            data = tmp_path / str(number) / "data"
            stack.enter_context(etcd(data, f"etcd-{number}", clients[number], ports[number], peers, restoring))
        answers = [json.loads(etcdctl(port, "member", "list", "-w", "json")) for port in clients]
        assert len({each["header"]["cluster_id"] for each in answers}) == 1
        assert [len(each["members"]) for each in answers] == [3, 3, 3]
        etcdctl(clients[0], "put", "/after", "restore")
        assert etcdctl(clients[2], "get", "/after", "--print-value-only") == "restore\n"
        assert etcdctl(clients[1], "get", "/key/", "--prefix", "--keys-only").count("/key/") == 5
        raised = 10**9 if restoring == BUILT else 0
        revision = json.loads(etcdctl(clients[0], "get", "/after", "-w", "json"))["header"]["revision"]
        assert revision == raised + 7


@needs_3_6
def test_an_etcdctl_that_restores_nothing_any_more_is_no_success(tmp_path, snapshot):
    """etcdctl 3.6 has no `snapshot restore`; without etcdutl there is no restore."""
    alone = tmp_path / "programs"
    alone.mkdir()
    (alone / "etcdctl").symlink_to(BUILT / "etcdctl")
    volume = Volume(tmp_path / "v", snapshot)
    assert volume.start(path=alone) == "started"
    assert volume.wait() == "failed etcdctl snapshot restore ended with 1"


def test_a_revision_that_has_to_be_raised_fails_where_the_tools_cannot(tmp_path, snapshot):
    """An etcd of before 3.6 would restore it as it was, without a word."""
    volume = Volume(tmp_path / "v", snapshot)
    volume.start(revision="bump")
    assert volume.wait() == "failed etcdutl of this image cannot raise the revision, and it has to be raised"
    assert not (volume.root / "data").exists()


@needs_3_6
def test_a_raised_revision_is_proven_and_told(tmp_path, snapshot):
    volume = Volume(tmp_path / "v", snapshot)
    volume.start(revision="bump", path=BUILT)
    assert volume.wait() == f"done {volume.digest} 6 1000000006"
    assert volume.status("bump") == volume.status()


@needs_3_6
def test_a_tool_that_takes_the_flag_and_raises_nothing_is_no_success(tmp_path, snapshot):
    """As etcdutl 3.5 would, were it to ignore what it does not know."""
    folder = tmp_path / "bin"
    folder.mkdir()
    etcdutl = folder / "etcdutl"
    ignoring = 'for each; do shift; case $each in *bump*|1000000000|*mark*) ;; *) set -- "$@" "$each";; esac; done'
    etcdutl.write_text(
        f'#!/bin/sh\ncase "$*" in *--help*) echo --bump-revision; exit;; esac\n{ignoring}\nexec {PYPI}/etcdutl "$@"\n'
    )
    etcdutl.chmod(0o755)
    volume = Volume(tmp_path / "v", snapshot)
    volume.start(revision="bump", path=folder)
    assert volume.wait() == "failed the revision is 6, it was not raised"
    assert not (volume.root / "data").exists()


@pytest.mark.parametrize("restoring", BOTH)
def test_a_revision_that_may_stay_is_told(tmp_path, snapshot, restoring):
    volume = Volume(tmp_path / "v", snapshot)
    volume.start(revision="tell", path=restoring)
    after = 6 if restoring == PYPI else 1_000_000_006
    assert volume.wait() == f"done {volume.digest} 6 {after}"


@pytest.mark.parametrize("revision", ["", "tell"])
def test_what_was_restored_without_is_not_taken_for_raised(tmp_path, snapshot, revision):
    """An earlier start of the operation may have had its source."""
    volume = Volume(tmp_path / "v", snapshot)
    volume.start(revision=revision)
    volume.wait()
    assert volume.status("bump") == "unraised"


def test_a_second_start_finds_the_work_done(tmp_path, snapshot):
    volume = Volume(tmp_path / "v", snapshot)
    volume.start()
    volume.wait()
    assert volume.start(epoch=2) == f"done {volume.digest}"


def test_the_snapshot_and_the_staging_folder_are_gone_afterwards(tmp_path, snapshot):
    volume = Volume(tmp_path / "v", snapshot)
    volume.start()
    volume.wait()
    assert sorted(each.name for each in volume.root.iterdir()) == ["data", "lifeboat"]
    assert not list((volume.root / "lifeboat").glob("*.part"))


def test_data_that_we_did_not_write_is_refused(tmp_path, snapshot):
    volume = Volume(tmp_path / "v", snapshot)
    (volume.root / "data" / "member").mkdir(parents=True)
    assert (volume.status(), volume.start()) == ("foreign", "foreign")


def test_data_of_another_snapshot_is_refused(tmp_path, snapshot):
    volume = Volume(tmp_path / "v", snapshot)
    volume.start()
    volume.wait()
    volume.digest = "0" * 64
    assert (volume.status(), volume.start()) == ("foreign", "foreign")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda data: data[:-512], "bytes"),
        (lambda data: bytes([data[5000] ^ 1]).join([data[:5000], data[5001:]]), "SHA-256"),
    ],
    ids=["cut", "one bit"],
)
def test_a_download_that_differs_from_the_record_is_not_restored(tmp_path, snapshot, spoil, why):
    volume = Volume(tmp_path / "v", snapshot)
    spoilt = tmp_path / "spoilt.db"
    spoilt.write_bytes(spoil(snapshot.read_bytes()))
    volume.start(url=spoilt.as_uri())
    assert volume.wait().startswith("failed download")
    assert why in volume.status()
    assert not (volume.root / "data").exists()


def test_a_snapshot_that_etcd_refuses_leaves_no_data(tmp_path):
    """The digest may hold and the file still be no database."""
    nonsense = tmp_path / "nonsense.db"
    nonsense.write_bytes(b"x" * 4096)
    volume = Volume(tmp_path / "v", nonsense)
    volume.start()
    assert volume.wait().startswith("failed etcdutl snapshot restore ended with")
    assert not (volume.root / "data").exists()


def test_a_failed_restore_can_be_started_again(tmp_path, snapshot):
    volume = Volume(tmp_path / "v", snapshot)
    spoilt = tmp_path / "spoilt.db"
    spoilt.write_bytes(b"cut")
    volume.start(url=spoilt.as_uri())
    volume.wait()
    assert volume.start(epoch=2) == "started"
    assert volume.wait() == f"done {volume.digest}"


def slow_tools(tmp_path):
    """A curl that takes its time, so that something can happen meanwhile."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("etcd", "etcdctl", "etcdutl"):
        (folder / name).symlink_to(PYPI / name)
    curl = folder / "curl"
    curl.write_text(f'#!/bin/sh\nsleep 2\nexec {shutil.which("curl")} "$@"\n')
    curl.chmod(0o755)
    return folder


def test_one_at_work_is_left_alone_and_a_newer_epoch_takes_over(tmp_path, snapshot):
    volume = Volume(tmp_path / "v", snapshot)
    slow = slow_tools(tmp_path)
    assert volume.start(epoch=1, path=slow) == "started"
    assert volume.start(epoch=1, path=slow) == "running"
    assert volume.status() == "downloading 0"
    assert volume.start(epoch=2) == "started"
    assert volume.wait() == f"done {volume.digest}"
    assert (volume.root / "lifeboat" / "epoch").read_text() == "2\n"


def test_an_older_epoch_leaves_the_newer_ones_work_alone(tmp_path, snapshot):
    """A late twin: it may still run when the lease has gone to the next execution."""
    volume = Volume(tmp_path / "v", snapshot)
    slow = slow_tools(tmp_path)
    assert volume.start(epoch=2, path=slow) == "started"
    assert volume.start(epoch=1) == "newer 2"
    assert volume.wait() == f"done {volume.digest}"


def test_an_older_epoch_is_refused_after_a_newer_one_failed(tmp_path, snapshot):
    volume = Volume(tmp_path / "v", snapshot)
    spoilt = tmp_path / "spoilt.db"
    spoilt.write_bytes(b"cut")
    volume.start(epoch=3, url=spoilt.as_uri())
    volume.wait()
    assert volume.start(epoch=2) == "newer 3"


def test_two_starts_of_one_epoch_at_once_are_one(tmp_path, snapshot):
    """A Lambda that was given up on may still be at work when its retry comes."""
    volume = Volume(tmp_path / "v", snapshot)
    slow = slow_tools(tmp_path)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        said = list(pool.map(lambda _: volume.start(epoch=1, path=slow), range(6)))
    assert sorted(said) == [*["running"] * 5, "started"]
    assert volume.wait() == f"done {volume.digest}"


def test_a_start_that_was_cut_off_does_not_block_the_next(tmp_path, snapshot):
    volume = Volume(tmp_path / "v", snapshot)
    home = volume.root / "lifeboat"
    home.mkdir()
    (home / "start.0").symlink_to("1:999999")
    assert volume.start(epoch=1) == "started"
    assert volume.wait() == f"done {volume.digest}"


def running_in(group):
    """Processes of a group that are not just waiting to be reaped."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # just ended
            state, _, its_group, *_ = path.read_text().rpartition(")")[2].split()
            found += [path.parent.name] if int(its_group) == group and state != "Z" else []
    return found


@pytest.mark.parametrize("shell", [each for each in ("dash", "bash") if shutil.which(each)])
def test_a_newer_epoch_ends_the_older_ones_whole_process_group(tmp_path, snapshot, shell):
    """Its curl too, which is a child of the process that is known."""
    volume = Volume(tmp_path / "v", snapshot)
    slow = slow_tools(tmp_path)
    (slow / "sh").symlink_to(shutil.which(shell))
    assert volume.start(epoch=1, path=slow) == "started"
    group = int((volume.root / "lifeboat" / "pid").read_text())
    time.sleep(0.3)
    assert len(running_in(group)) > 1
    assert volume.start(epoch=2, path=slow) == "started"
    time.sleep(0.2)
    assert not running_in(group)
    assert volume.wait() == f"done {volume.digest}"


def test_a_killed_restore_is_told_as_lost(tmp_path, snapshot):
    volume = Volume(tmp_path / "v", snapshot)
    volume.start(path=slow_tools(tmp_path))
    pid = int((volume.root / "lifeboat" / "pid").read_text())
    os.killpg(pid, 9)
    time.sleep(0.1)
    assert volume.status() == "lost"


def test_the_url_stands_in_no_command_line(tmp_path, snapshot):
    volume = Volume(tmp_path / "v", snapshot)
    url = snapshot.as_uri() + "?X-Amz-Signature=topsecret"
    volume.start(url=url, path=slow_tools(tmp_path))
    seen = []
    for path in (each for name in ("cmdline", "environ") for each in Path("/proc").glob(f"[0-9]*/{name}")):
        with contextlib.suppress(OSError):  # another user's, or just ended
            seen.append(path.read_bytes())
    volume.wait()
    assert any(b"lifeboat-etcd-restore" in each for each in seen)
    assert not any(b"topsecret" in each for each in seen)
