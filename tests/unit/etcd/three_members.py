"""Three real members of one etcd, each the etcd of one pod of `blue` in memory."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lifeboat.errors import ApiUnavailableError
from lifeboat.podshell import PodRef
from lifeboat.ports import ExecResult
from tests.unit.builders import a_management_cluster, blue
from tests.unit.memory import MemoryDns, MemoryInstances

NAMESPACE = "clusters-blue"
QUICK = ("--heartbeat-interval=50", "--election-timeout=500")
"""Elections of a second, and leases of a second: the shortest that etcd grants lasts 1.5 election timeouts."""
PODS = ("etcd-0", "etcd-1", "etcd-2")

# Drops the options that only a pod can serve: its certificates, and its own loopback name. `$ETCD_CLIENT` is the
# member that the pod would reach by that.
_ETCDCTL = """#!/bin/sh
skip=
for each; do
  shift
  if [ "$skip" ]; then skip=; continue; fi
  case $each in --cacert | --cert | --key) skip=yes ;; --endpoints=*) ;; *) set -- "$@" "$each" ;; esac
done
exec "{binary}" --endpoints="$ETCD_CLIENT" --command-timeout=4s "$@"
"""


class ThreeMembers:
    """`lose` ends a member; its pod then answers no exec."""

    def __init__(self, folder: Path, programs: Path, *options: str) -> None:
        self._folder, self._programs, self._options = folder, programs, options
        ports = _free_ports(6)
        self.clients = {pod: f"http://127.0.0.1:{port}" for pod, port in zip(PODS, ports[:3], strict=True)}
        self._peers = {pod: f"http://127.0.0.1:{port}" for pod, port in zip(PODS, ports[3:], strict=True)}
        (folder / "bin").mkdir()
        tool = folder / "bin" / "etcdctl"
        tool.write_text(_ETCDCTL.format(binary=programs / "etcdctl"))
        tool.chmod(0o755)
        self.running = {pod: self._start(pod) for pod in PODS}
        self.cluster = a_management_cluster()
        blue().on(self.cluster, MemoryDns(), MemoryInstances())
        self.cluster.exec_handler = self._exec
        until(lambda: all(self.ctl(pod, "get", "nothing").returncode == 0 for pod in PODS))

    def _start(self, pod: str) -> subprocess.Popen[bytes]:
        command = [
            self._programs / "etcd",
            f"--name={pod}",
            f"--data-dir={self._folder / pod}",
            f"--listen-client-urls={self.clients[pod]}",
            f"--advertise-client-urls={self.clients[pod]}",
            f"--listen-peer-urls={self._peers[pod]}",
            f"--initial-advertise-peer-urls={self._peers[pod]}",
            f"--initial-cluster={','.join(f'{name}={url}' for name, url in self._peers.items())}",
            "--unsafe-no-fsync",
            *self._options,
        ]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ctl(self, pod: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A client of one member."""
        environment = {**os.environ, "ETCD_CLIENT": self.clients[pod], "ETCDCTL_API": "3"}
        tool = self._folder / "bin" / "etcdctl"
        return subprocess.run(
            [tool, *arguments], capture_output=True, text=True, check=False, timeout=20, env=environment
        )

    def do(self, pod: str, *arguments: str) -> str:
        """As `ctl`, and it must succeed."""
        done = self.ctl(pod, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def put(self, key: str, value: str = "1", lease: str = "0") -> int:
        """The revision of a new value."""
        header = json.loads(self.do("etcd-0", "put", key, value, f"--lease={lease}", "-w", "json"))["header"]
        return int(header["revision"])

    def lease(self, seconds: int) -> str:
        """A new lease's id, in hex."""
        return self.do("etcd-0", "lease", "grant", str(seconds)).split()[1]

    @contextlib.contextmanager
    def gateway(self, pod: str) -> Iterator[Callable[..., dict[str, Any]]]:
        """Calls of etcd's JSON API: much quicker than a process per call."""

        def call(path: str, **body: Any) -> dict[str, Any]:
            connection.request("POST", f"/v3/{path}", json.dumps(body))
            answer = connection.getresponse()
            found: dict[str, Any] = json.loads(answer.read())
            assert answer.status == http.HTTPStatus.OK, found
            return found

        address = self.clients[pod].removeprefix("http://")
        with contextlib.closing(http.client.HTTPConnection(address, timeout=10)) as connection:
            yield call

    def lose(self, *pods: str) -> None:
        for pod in pods:
            process = self.running.pop(pod)
            process.kill()
            process.wait(10)

    def freeze(self, pod: str) -> None:
        """The member is there and does nothing any more."""
        self.running[pod].send_signal(signal.SIGSTOP)

    def bring_back(self, pod: str) -> None:
        """A lost member starts again on its data."""
        self.running[pod] = self._start(pod)

    def end(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait(10)
        self.running.clear()

    def ref(self, pod: str) -> PodRef:
        return PodRef(NAMESPACE, pod, "etcd")

    def _exec(self, namespace: str, pod: str, container: str, command: Sequence[str], stdin: str) -> ExecResult:
        if pod not in self.running:
            msg = f"exec in {pod}: the kubelet does not answer"
            raise ApiUnavailableError(msg)
        environment = {
            **os.environ,
            "PATH": f"{self._folder / 'bin'}:{os.environ['PATH']}",
            "ETCD_CLIENT": self.clients[pod],
        }
        done = subprocess.run(
            list(command), input=stdin, capture_output=True, text=True, check=False, timeout=40, env=environment
        )
        return ExecResult(done.stdout, done.stderr, done.returncode)


@contextlib.contextmanager
def three_members(folder: Path, programs: Path, *options: str) -> Iterator[ThreeMembers]:
    there = ThreeMembers(folder, programs, *options)
    try:
        yield there
    finally:
        there.end()


def until(look: Callable[[], Any], seconds: float = 20) -> Any:
    """What `look` finds at last."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail("took too long")
        time.sleep(0.1)
    return found


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
