"""First thing a function's process runs: it stands for what the Lambda service and the VPC bring along.

It imports nothing of the sandbox. Every name is resolved by the sandbox's resolver, as a VPC's functions ask the
VPC's: nothing of the machine's own DNS or hosts file is seen, and nothing outside the sandbox is reached by name.
"""

from __future__ import annotations

import ctypes
import os
import random
import signal
import socket
import struct
import sys
from typing import Any

_TYPE_A = 1
_CLASS_IN = 1
_PR_SET_PDEATHSIG = 1
_ATTEMPTS, _SECONDS = 3, 2.0
_LITERAL = {"", "localhost", "0.0.0.0"}


def end_with_the_host() -> None:
    """Have the kernel end this process when the host does, busy or not."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def resolve_by(resolver: str) -> None:
    """Make `socket.getaddrinfo` ask the DNS server at `resolver` (`address:port`)."""
    address, _, port = resolver.rpartition(":")
    server = (address, int(port))
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        name = host.decode("ascii") if isinstance(host, bytes) else host
        if name is None or name in _LITERAL or _is_address(name):
            return original(host, *rest, **named)
        found: list[Any] = []
        for each in _addresses(name, server):
            found.extend(original(each, *rest, **named))
        return found

    socket.getaddrinfo = getaddrinfo


def _is_address(name: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name)
        except OSError:
            continue
        return True
    return False


def _addresses(name: str, server: tuple[str, int]) -> list[str]:
    identity = random.getrandbits(16)
    question = b"".join(bytes([len(part)]) + part.encode("ascii") for part in name.rstrip(".").split(".")) + b"\0"
    query = struct.pack(">6H", identity, 0x0100, 1, 0, 0, 0) + question + struct.pack(">2H", _TYPE_A, _CLASS_IN)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(_SECONDS)
        connection.connect(server)
        for _ in range(_ATTEMPTS):
            try:
                connection.send(query)
                answer = connection.recv(4096)
            except OSError:
                continue
            if answer[:2] == query[:2]:
                break
        else:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    found = _parse(answer, 12 + len(question) + 4)
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return found


def _parse(answer: bytes, position: int) -> list[str]:
    found = []
    for _ in range(struct.unpack(">H", answer[6:8])[0]):
        while answer[position] and answer[position] < 0xC0:
            position += answer[position] + 1
        position += 2 if answer[position] else 1
        kind, _klass, _ttl, length = struct.unpack(">2HIH", answer[position : position + 10])
        position += 10
        if kind == _TYPE_A:
            found.append(socket.inet_ntoa(answer[position : position + length]))
        position += length
    return found


if __name__ == "__main__":
    end_with_the_host()
    resolve_by(os.environ.pop("LIFEBOAT_SANDBOX_RESOLVER"))
    from awslambdaric.__main__ import main

    main(sys.argv)
