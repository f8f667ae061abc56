"""The exec server of a real API: a child process that faces it, and hands everything to the kubelet's Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import PIPE
from typing import TYPE_CHECKING

from sandbox.plan import KUBELET_PORT

if TYPE_CHECKING:
    from sandbox.plan import ManagementClusterPlan

_START_SECONDS, _POLL = 20.0, 0.05


class ExecServerError(Exception):
    """The exec server did not come up, or ended."""


class ExecServer:
    """Runs `program` (see tests/binaries/kubernetes/exec-server) for the nodes of `cluster`.

    It ends with this process, however that ends, because it ends when its stdin does.
    """

    def __init__(self, program: str, cluster: ManagementClusterPlan) -> None:
        self._program = program
        self._cluster = cluster
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it listens. Raises ExecServerError."""
        pki = self._cluster.pki.resolve()
        socket = self._cluster.kubelet_socket
        self._process = await asyncio.create_subprocess_exec(
            self._program,
            *("-listen", f"{self._cluster.kubelet_address}:{KUBELET_PORT}"),
            *("-certificate", str(pki / "kubelet.crt"), "-key", str(pki / "kubelet.key")),
            *("-authority", str(pki / "ca.crt"), "-socket", socket.name),
            stdin=PIPE,
            cwd=socket.parent,  # the path of a Unix socket must be short
        )
        try:
            async with asyncio.timeout(_START_SECONDS):
                while not await self._listens():
                    if self._process.returncode is not None:
                        raise self._ended()
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            await self.stop()
            msg = f"exec server: does not listen within {_START_SECONDS:.0f} s"
            raise ExecServerError(msg) from None

    async def watch(self) -> None:
        """Wait for its end, which nobody wants. Raises ExecServerError."""
        assert self._process is not None
        await self._process.wait()
        raise self._ended()

    async def stop(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            await self._process.wait()

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(self._cluster.kubelet_address, KUBELET_PORT)
        except OSError:
            return False
        writer.close()
        return True

    def _ended(self) -> ExecServerError:
        code = self._process.returncode if self._process else None
        return ExecServerError(f"exec server: ended with {code}; its log says why")
