"""The Lambda Runtime API of one process: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.

The runtime interface client takes only `host:port`, so each process has a server of its own.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PREFIX = "/2018-06-01/runtime/"


@dataclass
class Invocation:
    """One event on its way through a process. `answer` holds `(payload, failed)`."""

    request_id: str
    body: bytes
    deadline_ms: int
    function_arn: str
    trace_id: str
    answer: Future[tuple[bytes, bool]] = field(default_factory=Future)

    def settle(self, payload: bytes, *, failed: bool) -> None:
        """Record the first answer; what comes later (a crash after the answer) does not count."""
        if not self.answer.done():
            self.answer.set_result((payload, failed))


class RuntimeApi:
    """Hands invocations to one process and takes its answers."""

    def __init__(self, address: str) -> None:
        self.ready = threading.Event()
        self.initialisation_error: bytes | None = None
        self._next: queue.Queue[Invocation | None] = queue.Queue()
        self._current: Invocation | None = None
        self._server = _Server((address, 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(2.0,), daemon=True, name="runtime-api")
        self._thread.start()

    @property
    def endpoint(self) -> str:
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def submit(self, invocation: Invocation) -> None:
        self._next.put(invocation)

    def close(self) -> None:
        """Stop serving without waiting: `shutdown` blocks for up to a poll interval."""
        self._next.put(None)
        threading.Thread(target=self._shut, daemon=True).start()

    def _shut(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self) -> Invocation | None:
        self.ready.set()
        self._current = self._next.get()
        return self._current

    def answer(self, request_id: str, payload: bytes, *, failed: bool) -> bool:
        current = self._current
        if current is None or current.request_id != request_id:
            return False
        current.settle(payload, failed=failed)
        return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: Any) -> None:
        """A killed process leaves its connection behind; that is expected and told elsewhere."""


def _handler(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Two small writes per answer: without this each waits for the other side's delayed acknowledgement.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            invocation = api.take() if self.path == f"{_PREFIX}invocation/next" else None
            if invocation is None:
                self._reply(410, b"{}")
                return
            self._reply(
                200,
                invocation.body,
                {
                    "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                    "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                    "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                    "Lambda-Runtime-Trace-Id": invocation.trace_id,
                },
            )

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.removeprefix(_PREFIX)
            if path == "init/error":
                api.initialisation_error = body
                self._reply(202, b'{"status":"OK"}')
                return
            _, _, rest = path.partition("invocation/")
            request_id, _, kind = rest.partition("/")
            known = api.answer(request_id, body, failed=kind == "error")
            self._reply(202 if known else 400, b'{"status":"OK"}')

        def _reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
