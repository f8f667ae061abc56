"""Exec over a websocket, frame by frame."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import websocket

from tests.contract.client import Api

V4, V5 = "v4.channel.k8s.io", "v5.channel.k8s.io"
_STDIN, _OUT, _ERR, _STATUS = range(4)
_TIMEOUT = 30


@dataclass(frozen=True)
class Ended:
    """What a command gave. `status` is None when the connection ended without one."""

    status: Any
    out: bytes
    err: bytes

    @property
    def code(self) -> int:
        if self.status["status"] == "Success":
            return 0
        return next(int(each["message"]) for each in self.status["details"]["causes"] if each["reason"] == "ExitCode")


class Running:
    """A command whose streams are open."""

    def __init__(self, socket: websocket.WebSocket, protocol: str) -> None:
        self.socket, self.protocol = socket, protocol
        self.channels: dict[int, bytearray] = {channel: bytearray() for channel in (_OUT, _ERR, _STATUS)}

    def write(self, data: bytes) -> None:
        self.socket.send_binary(bytes([_STDIN]) + data)

    def end_stdin(self) -> None:
        """v5 alone can say so."""
        self.socket.send_binary(b"\xff\0")

    def read(self) -> bool:
        """Take one message; False at the end."""
        kind, data = self.socket.recv_data()
        if kind == websocket.ABNF.OPCODE_CLOSE or not data:
            return kind != websocket.ABNF.OPCODE_CLOSE
        self.channels[data[0]] += data[1:]
        return True

    def until(self, text: bytes) -> None:
        """Read until the output holds `text`."""
        while text not in self.channels[_OUT]:
            assert self.read(), f"ended without {text!r}"

    def end(self, bytes_per_second: float = 0) -> Ended:
        """Read to the end, slowly when a rate is given."""
        began, before = time.monotonic(), len(self.channels[_OUT])
        while self.read():
            if bytes_per_second:
                due = began + (len(self.channels[_OUT]) - before) / bytes_per_second
                time.sleep(max(0.0, due - time.monotonic()))
        self.close()
        status = json.loads(self.channels[_STATUS]) if self.channels[_STATUS] else None
        return Ended(status, bytes(self.channels[_OUT]), bytes(self.channels[_ERR]))

    def close(self) -> None:
        self.socket.close()
        self.socket.shutdown()  # after the other side's goodbye `close` leaves the descriptor open

    def drop(self) -> None:
        """Let the connection go without a goodbye."""
        self.socket.shutdown()


def start(
    api: Api,
    path: str,
    command: Sequence[str],
    *,
    protocols: Sequence[str] = (V5, V4),
    stdin: bool = False,
    container: str | None = "main",
) -> Running:
    """Begin a command in a pod (`path`). Raises WebSocketBadStatusException when it is refused."""
    query = [("command", word) for word in command] + [("stdout", "true"), ("stderr", "true")]
    query += [("stdin", "true")] if stdin else []
    query += [("container", container)] if container else []
    cluster = api.backend.cluster
    context = ssl.create_default_context(cafile=cluster.pki / "ca.crt")
    socket = websocket.create_connection(
        f"{cluster.api_url}{path}/exec?{urlencode(query)}".replace("https://", "wss://"),
        timeout=_TIMEOUT,
        subprotocols=list(protocols),
        header=[f"Authorization: Bearer {api.token}"],
        sslopt={"context": context},
        skip_utf8_validation=True,
    )
    return Running(socket, socket.getsubprotocol() or "")


def run(api: Api, path: str, *command: str, stdin: bytes | None = None, protocol: str = V4) -> Ended:
    """Run a command that knows when its stdin is over."""
    running = start(api, path, command, protocols=[protocol], stdin=stdin is not None)
    if stdin is not None:
        running.write(stdin)
    return running.end()
