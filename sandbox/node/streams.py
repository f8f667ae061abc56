"""One command over one websocket: its streams, its outcome.

Channels of v4.channel.k8s.io: 0 stdin, 1 stdout, 2 stderr, 3 the outcome as a Status, 4 terminal size (ignored).
v5 adds 255 followed by a channel number: that channel is closed; it is how a client ends stdin.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable

    from sandbox.node.environment import Object

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
FRAME = 16 << 20  # bytes; the longest message that is taken
_STDIN, _STDOUT, _STDERR, _OUTCOME, _CLOSE = 0, 1, 2, 3, 255
_CHUNK = 1 << 16


class Streams:
    """Copies between a websocket and a command. A client that leaves ends the copying, not the command."""

    def __init__(self) -> None:
        self._abandoned: set[asyncio.Task[None]] = set()

    async def copy(
        self,
        socket: web.WebSocketResponse,
        process: Process,
        wants: dict[str, bool],
        change: Callable[[bytes], bytes] | None,
    ) -> None:
        """Serve `process` until it ended and all of its output is sent.

        `wants` tells which of input, output and error the client asked for; `change` is applied to each line of stdin.
        """
        assert process.stdin
        assert process.stdout
        assert process.stderr
        if not wants["input"]:
            process.stdin.close()
        incoming = asyncio.create_task(_incoming(socket, process, change))
        outputs = asyncio.gather(
            _outgoing(socket, process.stdout, _STDOUT if wants["output"] else None),
            _outgoing(socket, process.stderr, _STDERR if wants["error"] else None),
        )
        try:
            await outputs
            code = await process.wait()
            await _tell(socket, {"metadata": {}, "status": "Success"} if code == 0 else _exit(code))
        except (ConnectionError, asyncio.CancelledError) as error:
            # As with a real kubelet, the command goes on after its client has left. Its output is read to the end.
            outputs.cancel()
            task = asyncio.create_task(_abandon(process))
            self._abandoned.add(task)
            task.add_done_callback(self._abandoned.discard)
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            incoming.cancel()


async def refuse(socket: web.WebSocketResponse, message: str) -> None:
    """Tell that the command could not be started."""
    failure = {"metadata": {}, "status": "Failure", "reason": "InternalError", "message": message, "code": 500}
    await _tell(socket, failure)


async def _tell(socket: web.WebSocketResponse, outcome: Object) -> None:
    await _send(socket, _OUTCOME, json.dumps(outcome).encode())
    await socket.close()


async def _incoming(socket: web.WebSocketResponse, process: Process, change: Callable[[bytes], bytes] | None) -> None:
    assert process.stdin
    rest = b""
    with contextlib.suppress(ConnectionError, RuntimeError):  # the process no longer reads
        async for message in socket:
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                continue
            data = message.data.encode() if isinstance(message.data, str) else message.data
            if not data:
                continue
            if data[0] == _STDIN and len(data) > 1:
                text = rest + data[1:]
                if change:
                    *lines, rest = text.split(b"\n")
                    text = b"".join(change(line) + b"\n" for line in lines)
                process.stdin.write(text)
                await process.stdin.drain()
            elif data[0] == _CLOSE and data[1:2] == bytes([_STDIN]):
                if change and rest:
                    process.stdin.write(change(rest))
                process.stdin.close()
    with contextlib.suppress(ConnectionError, RuntimeError):
        process.stdin.close()


async def _outgoing(socket: web.WebSocketResponse, stream: asyncio.StreamReader, channel: int | None) -> None:
    while data := await stream.read(_CHUNK):
        if channel is not None:
            await _send(socket, channel, data)


async def _send(socket: web.WebSocketResponse, channel: int, data: bytes) -> None:
    await socket.send_bytes(bytes([channel]) + data)


async def _abandon(process: Process) -> None:
    assert process.stdin
    assert process.stdout
    assert process.stderr
    with contextlib.suppress(ConnectionError, RuntimeError):
        process.stdin.close()
    for stream in (process.stdout, process.stderr):
        while await stream.read(_CHUNK):
            pass
    await process.wait()


def _exit(code: int) -> Object:
    code = code if code >= 0 else 128 - code
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: command terminated with exit code {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
