"""The sandbox's process tree: started, watched, ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_GRACE_SECONDS = 15


@dataclass(frozen=True)
class Child:
    """One process of the tree and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self, lines: int = 12) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


class ProcessDiedError(Exception):
    """A process of the sandbox ended that should live."""


class Processes:
    """Children of this process. Each has a session of its own, so that Ctrl-C reaches the parent alone."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []

    def start(self, name: str, module: str, *arguments: str) -> Child:
        """Start `python -m module arguments…`, its output to `<logs>/<name>.log`."""
        log = self._logs / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                cwd=Path(__file__).parents[2],
            )
        child = Child(name, process, log)
        self._children.append(child)
        return child

    def check(self) -> None:
        """Raise ProcessDiedError for the first child that ended."""
        for child in self._children:
            if child.process.poll() is not None:
                msg = f"{child.name} ended with {child.process.returncode}; its last words:\n{child.tail()}"
                raise ProcessDiedError(msg)

    def wait_for_file(self, path: Path, seconds: float) -> None:
        """Wait until a child has written `path`."""
        deadline = time.monotonic() + seconds
        while not path.exists():
            self.check()
            if time.monotonic() > deadline:
                msg = f"{path.name} did not appear in {path.parent} within {seconds:.0f} s; logs: {self._logs}"
                raise ProcessDiedError(msg)
            time.sleep(0.05)

    def stop(self) -> None:
        """End all children, the last one first; kill what does not end in time."""
        for child in reversed(self._children):
            with contextlib.suppress(ProcessLookupError):
                child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        for child in reversed(self._children):
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()
        self._children.clear()
