"""One program that lives as long as this process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING

from sandbox.node import shim

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LAST_LINES = 5


class ProgramEndedError(Exception):
    """A program ended that should run."""


class Program:
    """Starts, stops and restarts one program; the kernel kills it when this process ends, however that ends."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self._command = command
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._running = asyncio.Event()

    async def start(self) -> None:
        """Start it, its output appended to the log. The kernel ties it to the thread that calls."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", shim.__file__, "plain", *self._command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._running.set()

    async def stop(self, seconds: float) -> None:
        """SIGTERM, and SIGKILL after `seconds`."""
        self._running.clear()
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def watch(self) -> None:
        """Raise ProgramEndedError when it ends other than by `stop`."""
        while True:
            await self._running.wait()
            assert self._process is not None
            code = await self._process.wait()
            if self._running.is_set() and self._process.returncode is not None:
                words = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
                msg = "\n".join([*words, f"{self.name} ended with {code}; its log: {self._log}"])
                raise ProgramEndedError(msg)
