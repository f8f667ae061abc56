"""What the kubelet serves: exec over websockets, container logs, its health.

    /exec/<namespace>/<pod>/<container>?command=…&input=1&output=1&error=1
    /containerLogs/<namespace>/<pod>/<container>?tailLines=…

A plain GET of an exec's path tells whether the command could be run (204), and runs nothing.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import socket
import ssl
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.node.container import StartError
from sandbox.node.streams import FRAME, PROTOCOLS, Streams, refuse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.node.container import Container
    from sandbox.node.pod import PodWorker

_LONGEST_LINE = 1 << 20  # Go's limit; the whole command of an exec is in it


class KubeletServer:
    """Serves the pods that `lookup(namespace, name)` finds.

    It listens either with TLS, to who knows `token`, or on a Unix socket, to who may open that.
    """

    def __init__(self, lookup: Callable[[str, str], PodWorker | None], token: str) -> None:
        self._lookup = lookup
        self._token = token
        self._streams = Streams()
        self._runner: web.AppRunner | None = None

    async def start(self, address: str, port: int, certificate: Path, key: Path) -> None:
        """Listen with TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        runner = await self._prepare([self._authenticate])
        await web.TCPSite(runner, address, port, ssl_context=context, reuse_address=True).start()

    async def start_locally(self, path: Path) -> None:
        """Listen on the Unix socket `path`; its folder says who may open it."""
        await web.SockSite(await self._prepare([]), _listen(path)).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _prepare(self, middlewares: list[Callable[..., object]]) -> web.AppRunner:
        app = web.Application(middlewares=middlewares)  # type: ignore[arg-type]
        app.router.add_get("/healthz", _healthz)
        app.router.add_route("*", "/exec/{namespace}/{pod}/{container}", self._exec)
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        self._runner = web.AppRunner(app, access_log=None, max_line_size=_LONGEST_LINE)
        await self._runner.setup()
        return self._runner

    @web.middleware
    async def _authenticate(self, request: web.Request, handler: Callable[[web.Request], object]) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if request.path != "/healthz" and not hmac.compare_digest(given, f"Bearer {self._token}"):
            return web.Response(status=401, text="Unauthorized")
        return await handler(request)  # type: ignore[misc,no-any-return]

    def _container(self, request: web.Request) -> Container | None:
        worker = self._lookup(request.match_info["namespace"], request.match_info["pod"])
        if worker is None:
            raise web.HTTPNotFound(text="pod does not exist")
        return worker.container(request.match_info["container"])

    async def _logs(self, request: web.Request) -> web.Response:
        container = self._container(request)
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
        container = self._container(request)
        argv = request.query.getall("command", [])
        if container is None:  # code and text are those of a real kubelet
            name = request.match_info["container"]
            raise web.HTTPInternalServerError(text=f'container not found ("{name}")')
        if not argv:
            raise web.HTTPBadRequest(text="no command given")
        client = web.WebSocketResponse(protocols=PROTOCOLS, max_msg_size=FRAME, heartbeat=None)
        if not client.can_prepare(request):
            return web.Response(status=204)
        await client.prepare(request)
        try:
            process = await container.execute(argv)
        except StartError as error:
            await refuse(client, str(error))
            return client
        wants = {name: request.query.get(name) in ("1", "true") for name in ("input", "output", "error")}
        await self._streams.copy(client, process, wants, container.stdin_filter(argv))
        return client


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok")


def _listen(path: Path) -> socket.socket:
    # The path of a Unix socket may have 107 bytes, a folder's may have more: it is named by its open handle.
    path.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
    path.chmod(0o600)
    return listening
