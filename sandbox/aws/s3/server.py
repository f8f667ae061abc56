"""S3 over HTTP: a thread per connection, bytes from socket to file and back without being gathered."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import uuid
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox.aws.s3.bodies import Body
from sandbox.aws.s3.errors import S3Error
from sandbox.aws.s3.requests import Piece, Response
from sandbox.aws.s3.service import Service

_IDLE_SECONDS = 120
_LINGER_SECONDS = 2
_LINGER_BYTES = 16 * 1024**2


class Server:
    """Answers on `address`:`port` (0: any free one) from `start` to `stop`."""

    def __init__(self, service: Service, address: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        class Handler(_Handler):
            pass

        Handler.service = service
        self._server = _Listener((address, port), Handler)
        self._scheme = "https" if tls else "http"
        if tls:  # the handshake is each connection's own thread's: a slow one must not hold up the others
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"{self._scheme}://{host!s}:{port}"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="s3", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: what ends here is a connection that its client has left."""


class _Handler(BaseHTTPRequestHandler):
    service: Service
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True

    def handle_expect_100(self) -> bool:
        """Wait with `100 Continue` until the body is read: what is refused before need not be sent."""
        return True

    def _serve(self) -> None:
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            key = name.lower()
            headers[key] = f"{headers[key]},{value}" if key in headers else value.strip()
        body = Body(self.rfile, headers, self._continue)
        target = self.requestline.split(" ")[1]
        response = self.service.answer(self.command, target, headers, body)
        unread = body.left > 0 or ("transfer-encoding" in headers and "content-length" not in headers)
        self.close_connection = self.close_connection or unread
        self._send(response)
        if unread:
            self._linger(body)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do_OPTIONS = _serve  # noqa: N815 - http.server's names

    def _continue(self) -> None:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _send(self, response: Response) -> None:
        pieces: Sequence[Piece] = () if isinstance(response.body, bytes) else response.body
        content = response.body if isinstance(response.body, bytes) else b""
        length = sum(each.count for each in pieces) + len(content)
        self.send_response(response.status)
        if response.status not in {204, 304}:
            self.send_header("Content-Length", str(length if response.length is None else response.length))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("x-amz-request-id", uuid.uuid4().hex[:16].upper())
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        if content and response.status != 304:
            self.wfile.write(content)
        for piece in pieces:
            with piece.path.open("rb") as file:
                self.connection.sendfile(file, piece.offset, piece.count)

    def _linger(self, body: Body) -> None:
        """Read on for a moment: a connection closed over unread bytes takes the answer with it."""
        self.connection.settimeout(_LINGER_SECONDS)
        with contextlib.suppress(OSError, S3Error):
            self.connection.shutdown(socket.SHUT_WR)
            body.discard(_LINGER_BYTES)

    def version_string(self) -> str:
        return "AmazonS3"

    def log_message(self, *_: object) -> None:
        """Requests are in the record of calls."""
