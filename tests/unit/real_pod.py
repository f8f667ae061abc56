"""An etcd pod made of the host's own programs: real etcd, real etcdctl, real scripts, and a bucket that takes parts."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lifeboat.ports import ExecResult, StoredPart
from tests.unit.memory import MemoryCluster, MemoryStore

CURL = Path(__file__).parents[2] / "sandbox" / "node" / "curl.py"
STAGED = "/tmp/lifeboat"

# Drops the options that only a pod can serve: its certificates, and its own loopback name.
_ETCDCTL = """#!/bin/sh
skip=
for each; do
  shift
  if [ "$skip" ]; then skip=; continue; fi
  case $each in --cacert | --cert | --key) skip=yes ;; --endpoints=*) ;; *) set -- "$@" "$each" ;; esac
done
exec "{binary}" --endpoints=http://127.0.0.1:{port} "$@"
"""


# A container's layer is none of memory, whatever this machine's /tmp is.
_STAT = """#!/bin/sh
case $* in
  '-f -c %T /tmp') echo overlayfs ;;
  *) exec {stat} "$@" ;;
esac
"""


def until(look: Callable[[], Any], seconds: float = 10) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "took too long"
        time.sleep(0.05)
    return found


@dataclass
class RealPod:
    """One running etcd. `programs`: what its image holds besides the host's tools; `folder`: what /tmp is there."""

    programs: Path
    folder: Path
    data: Path
    hidden: set[str] = field(default_factory=set)
    """Tools of the host that the image lacks."""
    lines: list[str] = field(default_factory=list)
    """All that came by stdin."""
    cut_next: int = 0
    """How many of the next answers arrive cut."""

    def __call__(self, namespace: str, pod: str, container: str, command: Sequence[str], stdin: str) -> ExecResult:
        self.lines.append(stdin)
        path = f"{self.programs}:{os.environ['PATH']}"
        if self.hidden:
            path = f"{self.programs}:{self._tools()}"
        words = [each.replace(STAGED, str(self.folder / "lifeboat")) for each in command]
        done = subprocess.run(
            words,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "PATH": path, "ETCD_DATA_DIR": str(self.data)},
        )
        told = done.stdout
        if self.cut_next:
            self.cut_next -= 1
            told = told[: len(told) // 2]
        return ExecResult(told, done.stderr, done.returncode)

    def staged(self, staging_id: str) -> Path:
        return self.folder / "lifeboat" / staging_id

    def processes(self) -> list[str]:
        """Command lines of all that works in this pod's folder."""
        found = []
        for each in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if f"{self.folder}/lifeboat/" in words:
                    found.append(words)
        return found

    def etcdctl(self, *arguments: str) -> str:
        done = subprocess.run([self.programs / "etcdctl", *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def fill(self, mebibytes: int) -> None:
        """Write keys of 1 MiB."""
        for number in range(mebibytes):
            value = base64.b64encode(os.urandom(786_000)).decode()
            subprocess.run(
                [self.programs / "etcdctl", "put", f"fill-{number}"],
                input=value,
                text=True,
                capture_output=True,
                check=True,
            )

    def _tools(self) -> Path:
        folder = self.folder / ".tools"
        if not folder.exists():
            folder.mkdir()
            for each in [*Path("/usr/bin").iterdir(), *Path("/bin").iterdir(), *Path("/usr/sbin").iterdir()]:
                if each.name not in self.hidden and not (folder / each.name).is_symlink():
                    (folder / each.name).symlink_to(each.resolve())
        return folder


@contextlib.contextmanager
def running(etcd: Path, folder: Path, *options: str) -> Iterator[RealPod]:
    """Start etcd and wait until it takes writes."""
    client, peer = _free_port(), _free_port()
    programs = folder / "programs"
    programs.mkdir(parents=True)
    made = {"etcdctl": _ETCDCTL.format(binary=etcd / "etcdctl", port=client)}
    if not shutil.which("curl"):
        made["curl"] = f'#!/bin/sh\nexec "{sys.executable}" "{CURL}" "$@"\n'
    if _is_memory("/tmp"):
        made["stat"] = _STAT.format(stat=shutil.which("stat"))
    for name, text in made.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (programs / "etcdutl").symlink_to(etcd / "etcdutl")
    command = [
        etcd / "etcd",
        f"--data-dir={folder / 'data'}",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-cluster=default=http://127.0.0.1:{peer}",
        "--unsafe-no-fsync",
        *options,
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        put = [programs / "etcdctl", "put", "a", "1"]
        until(lambda: subprocess.run(put, capture_output=True, check=False).returncode == 0)
        yield RealPod(programs, folder, folder / "data")
    finally:
        process.terminate()
        process.wait(10)


class HttpBucket(MemoryStore):
    """Takes parts over HTTP as S3 does: only with the checksum header that was signed, only bytes that have it."""

    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self.refuse: Callable[[int], int] = lambda number: 0
        """HTTP status by part number; 0: take it."""
        self.delay = 0.0
        """Seconds that a part takes."""
        self.taken: list[int] = []

    def presigned_part(self, key: str, upload_id: str, part: StoredPart, expires: int) -> tuple[str, dict[str, str]]:
        self.presigned.append(key)
        checksum = base64.b64encode(bytes.fromhex(part.sha256)).decode()
        query = f"partNumber={part.number}&uploadId={upload_id}&X-Amz-Signature=bearer"
        return f"{self.url}/{key}?{query}", {"x-amz-checksum-sha256": checksum}

    def take(self, path: str, headers: Any, body: bytes) -> int:
        query = parse_qs(urlsplit(path).query)
        number, upload_id = int(query["partNumber"][0]), query["uploadId"][0]
        if status := self.refuse(number):
            return status
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        if headers.get("x-amz-checksum-sha256") != digest or query["X-Amz-Signature"] != ["bearer"]:
            return 400
        time.sleep(self.delay)
        key = urlsplit(path).path.lstrip("/")
        if (key, upload_id) not in self.uploads:
            return 404
        self.put_part(key, upload_id, number, body)
        self.taken.append(number)
        return 200


@contextlib.contextmanager
def bucket() -> Iterator[HttpBucket]:
    store = HttpBucket()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = store.take(self.path, self.headers, body)
            said = (
                b"" if status == 200 else b"<Error><Code>SomeWord</Code><Message>" + self.path.encode() + b"</Message>"
            )
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    store.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def cluster_of(pod: RealPod, namespace: str = "ns", name: str = "etcd-0") -> MemoryCluster:
    """A cluster whose one etcd pod this is."""
    cluster = MemoryCluster()
    metadata = {"namespace": namespace, "name": name, "labels": {"app": "etcd"}}
    statuses = [{"name": "etcd", "state": {"running": {}}}]
    spec = {"containers": [{"name": "etcd", "env": []}]}
    manifest = {"kind": "Pod", "metadata": metadata, "spec": spec, "status": {"containerStatuses": statuses}}
    cluster.add(manifest)
    cluster.exec_handler = pod
    return cluster


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_memory(folder: str) -> bool:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return any(each[1] == folder and each[2] == "tmpfs" for each in mounts)
