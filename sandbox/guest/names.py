"""Host names of a pod that has no /etc/hosts of its own (see `sandbox.node.rewriting`)."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

HOSTS = "SANDBOX_HOSTS"


class HostsFile(AbstractResolver):
    """Answers from a file in the format of /etc/hosts, read at every question."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        lines = [line.split() for line in self._path.read_text(encoding="utf-8").splitlines()]
        found = dict.fromkeys(words[0] for words in lines if host in words[1:])
        if not found:
            raise OSError(None, f"{host} is not in {self._path}")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
            for address in found
        ]

    async def close(self) -> None:
        """Nothing is open."""


def resolver() -> AbstractResolver:
    """The resolver for this process."""
    path = os.environ.get(HOSTS)
    return HostsFile(Path(path)) if path else ThreadedResolver()
