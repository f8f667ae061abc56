"""The kubelet's own HTTPS server: exec over websockets and container logs.

    /exec/<namespace>/<pod>/<container>?command=…&input=1&output=1&error=1
    /containerLogs/<namespace>/<pod>/<container>?tailLines=…

Channels of v4.channel.k8s.io: 0 stdin, 1 stdout, 2 stderr, 3 the outcome as a Status, 4 terminal size (ignored).
v5 adds 255 followed by a channel number: that channel is closed; it is how a client ends stdin.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import ssl
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from sandbox.node.container import StartError

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.node.environment import Object
    from sandbox.node.pod import PodWorker

    Change = Callable[[bytes], bytes] | None

_log = logging.getLogger(__name__)

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDIN, _STDOUT, _STDERR, _OUTCOME, _CLOSE = 0, 1, 2, 3, 255
_CHUNK = 1 << 16
_FRAME = 16 << 20


class KubeletServer:
    """Serves the pods that `lookup(namespace, name)` finds, to whom knows the token."""

    def __init__(self, lookup: Callable[[str, str], PodWorker | None], token: str) -> None:
        self._lookup = lookup
        self._token = token
        self._abandoned: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None

    async def start(self, address: str, port: int, certificate: Path, key: Path) -> None:
        """Listen with TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        app = web.Application(middlewares=[self._authenticate])
        app.router.add_get("/healthz", _healthz)
        app.router.add_route("*", "/exec/{namespace}/{pod}/{container}", self._exec)
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, address, port, ssl_context=context, reuse_address=True).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _authenticate(self, request: web.Request, handler: Callable[[web.Request], object]) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if request.path != "/healthz" and not hmac.compare_digest(given, f"Bearer {self._token}"):
            return web.Response(status=401, text="Unauthorized")
        return await handler(request)  # type: ignore[misc,no-any-return]

    def _worker(self, request: web.Request) -> PodWorker:
        worker = self._lookup(request.match_info["namespace"], request.match_info["pod"])
        if worker is None:
            raise web.HTTPNotFound(text=f'pod "{request.match_info["pod"]}" not found on this node')
        return worker

    async def _logs(self, request: web.Request) -> web.Response:
        container = self._worker(request).container(request.match_info["container"])
        if container is None:
            raise web.HTTPBadRequest(text=f"container {request.match_info['container']} is waiting to start")
        text = ""
        if container.log.exists():
            text = await asyncio.to_thread(container.log.read_text, encoding="utf-8", errors="replace")
        tail = request.query.get("tailLines")
        if tail:
            text = "".join(text.splitlines(keepends=True)[-int(tail) :])
        return web.Response(text=text)

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        worker = self._worker(request)
        name = request.match_info["container"]
        container = worker.container(name)
        argv = request.query.getall("command", [])
        if container is None or not argv:
            raise web.HTTPBadRequest(text=f'container "{name}" is not running' if argv else "no command given")
        socket = web.WebSocketResponse(protocols=PROTOCOLS, max_msg_size=_FRAME, heartbeat=None)
        await socket.prepare(request)
        try:
            process = await container.execute(argv)
        except StartError as error:
            await _send(socket, _OUTCOME, json.dumps(_failure(str(error), None)).encode())
            await socket.close()
            return socket
        wants = {name: request.query.get(name) in ("1", "true") for name in ("input", "output", "error")}
        await self._serve(socket, process, wants, container.stdin_filter(argv))
        return socket

    async def _serve(
        self, socket: web.WebSocketResponse, process: Process, wants: dict[str, bool], change: Change
    ) -> None:
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
            outcome = {"metadata": {}, "status": "Success"} if code == 0 else _failure("", code)
            await _send(socket, _OUTCOME, json.dumps(outcome).encode())
            await socket.close()
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


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _incoming(socket: web.WebSocketResponse, process: Process, change: Change) -> None:
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


def _failure(message: str, code: int | None) -> Object:
    if code is None:
        return {"metadata": {}, "status": "Failure", "reason": "InternalError", "message": message, "code": 500}
    code = code if code >= 0 else 128 - code
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: command terminated with exit code {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
