"""The address of every service: S3's requests go on to its own server, the others are recorded, then moto answers."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.aws.calls import CallLog
from sandbox.aws.describing import describe, scope_of

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
_INTERNAL = "/moto-api"


class Endpoint:
    """A WSGI application around moto's and S3's."""

    def __init__(self, moto: Application, s3: Application, calls: CallLog) -> None:
        self._moto = moto
        self._s3 = s3
        self._calls = calls

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith(_INTERNAL):
            return self._moto(environ, start_response)
        if scope_of(environ)[0] == "s3":
            return self._s3(environ, start_response)
        started = time.time()
        call = describe(environ, _read(environ))
        status = [0]

        def start(line: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            status[0] = int(line.split(" ", 1)[0])
            return start_response(line, headers, *rest)

        try:
            return self._moto(environ, start)
        finally:
            self._calls.write(call, started, status[0])


def _read(environ: dict[str, Any]) -> bytes:
    """The whole body, put back for moto."""
    length = environ.get("CONTENT_LENGTH")
    stream = environ["wsgi.input"]
    if length:
        body: bytes = stream.read(int(length))
    elif environ.get("wsgi.input_terminated"):
        body = stream.read()
    else:
        body = b""
    environ["wsgi.input"] = io.BytesIO(body)
    return body
