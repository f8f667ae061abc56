"""One running container: a process tree in its own namespaces, over a root folder that lives as long as it does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.node.isolation import NAMESPACES, shim
from sandbox.node.rewriting import Rewriting, kill_marked

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.node.images import Bind

_FOLDERS = ("dev", "etc", "proc", "root", "run", "tmp", "usr", "var/tmp", "var/run")
_LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "dev/fd": "/proc/self/fd", "dev/stdin": "/proc/self/fd/0",
          "dev/stdout": "/proc/self/fd/1", "dev/stderr": "/proc/self/fd/2", "etc/mtab": "/proc/mounts"}  # fmt: skip
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
    "etc/group": "root:x:0:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "etc/resolv.conf": "",
}
_PAUSE = ["sleep", "infinity"]
_LOADER_CACHE = Path("/etc/ld.so.cache")


class StartError(Exception):
    """The process of a container could not be started; the message is what the runtime said."""


@dataclass(frozen=True)
class ContainerSpec:
    """What the shim needs to know. `argv` is empty for a container that runs nothing."""

    root: str
    hostname: str
    binds: list[Bind]
    argv: list[str]
    env: dict[str, str]
    cwd: str = "/"
    names: dict[str, str] = field(default_factory=dict)  # for rewriting: host name to address


def make_root(root: Path, hostname: str) -> None:
    """A fresh root folder, without what is bound into it."""
    shutil.rmtree(root, ignore_errors=True)
    for name in _FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, target in _LINKS.items():
        (root / name).symlink_to(target)
    for name, text in (_FILES | {"etc/hostname": hostname + "\n"}).items():
        (root / name).write_text(text, encoding="utf-8")
    if _LOADER_CACHE.exists():
        shutil.copy2(_LOADER_CACHE, root / "etc" / "ld.so.cache")
    for host in map(Path, ("/lib", "/lib64", "/lib32")):
        if host.is_symlink():
            (root / host.name).symlink_to(f"usr/{host.resolve().relative_to('/usr')}")


class Container:
    """Processes of one container. All coroutines belong to one event loop, whose thread must outlive them."""

    def __init__(self, folder: Path, spec: ContainerSpec, isolation: str) -> None:
        self.folder = folder
        self.spec = spec
        self._isolation = isolation
        self._spec_file = folder / "spec.json"
        self._process: asyncio.subprocess.Process | None = None
        self._first: int | None = None
        self._starting = asyncio.Lock()

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def runs(self) -> bool:
        """Whether the container's own process is there."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start what the spec says, or a process that only waits. Raises StartError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._spec_file.write_text(json.dumps(asdict(self.spec) | {"argv": self.spec.argv or _PAUSE}), encoding="utf-8")
        self._spec_file.chmod(0o600)
        if self._isolation == NAMESPACES:
            await self._start_in_namespaces()
        else:
            await self._start_rewritten()

    async def _start_in_namespaces(self) -> None:
        read, write = os.pipe()
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *shim("run", str(self._spec_file), str(write)),
                stdin=DEVNULL, stdout=log, stderr=log, pass_fds=(write,), env={}, start_new_session=True,
            )  # fmt: skip
        os.close(write)
        with os.fdopen(read, "rb") as report:
            told = await asyncio.get_running_loop().run_in_executor(None, report.read)
        if not told:
            await self._process.wait()
            tail = self.log.read_text(encoding="utf-8", errors="replace")[-300:]
            raise StartError(tail.strip() or "the container's process did not start")
        self._first = int(told)

    async def _start_rewritten(self) -> None:
        rewriting = Rewriting(self.spec)
        rewriting.install()
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *shim("plain"), *rewriting.argv(self.spec.argv or _PAUSE),
                stdin=DEVNULL, stdout=log, stderr=log, env=rewriting.environment(),
                cwd=rewriting.path(self.spec.cwd), start_new_session=True,
            )  # fmt: skip
        self._first = self._process.pid

    async def wait(self) -> int:
        """Wait for the end; the exit code, 128 + n after signal n."""
        assert self._process is not None
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Signal the container's first process, as a container runtime does."""
        if self.runs and self._first is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._first, number)

    async def kill(self) -> None:
        """Kill everything in the container and wait until it is gone."""
        if self._process is None:
            return
        self.signal(signal.SIGKILL)
        if self._isolation != NAMESPACES:
            await asyncio.to_thread(kill_marked, self.spec.root)
        await self._process.wait()

    async def execute(self, argv: list[str]) -> asyncio.subprocess.Process:
        """Start one more process in the container, its standard streams as pipes. Raises StartError when it is gone."""
        async with self._starting:
            if not self.spec.argv and not self.runs:
                await self.start()
        if not self.runs:
            msg = "the container is not running"
            raise StartError(msg)
        if self._isolation == NAMESPACES:
            command = shim("exec", str(self._spec_file), str(self._first), *argv)
            return await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env={})
        rewriting = Rewriting(self.spec)
        assert self._process is not None
        return await asyncio.create_subprocess_exec(
            *shim("plain"), *rewriting.argv(argv), stdin=PIPE, stdout=PIPE, stderr=PIPE,
            env=rewriting.environment(), cwd=rewriting.path(self.spec.cwd), start_new_session=True,
        )  # fmt: skip

    def stdin_filter(self, argv: list[str]) -> Callable[[bytes], bytes] | None:
        """How each line of the stdin of this command must be changed, if at all."""
        return None if self._isolation == NAMESPACES else Rewriting(self.spec).stdin(argv)

    def write_hosts(self, text: str) -> None:
        """Replace /etc/hosts."""
        path = Path(self.spec.root) / "etc" / "hosts"
        part = path.with_name("hosts.part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)

    def remove(self) -> None:
        """Forget the root folder."""
        shutil.rmtree(self.spec.root, ignore_errors=True)
