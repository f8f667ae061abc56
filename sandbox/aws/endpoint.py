"""What stands in front of moto: S3 requests are checked, every call is recorded, then moto answers."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.aws.calls import CallLog, describe
from sandbox.aws.s3.checks import Refusal, S3Checks, name_the_checksum

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
_INTERNAL = "/moto-api"


class Endpoint:
    """A WSGI application around moto's."""

    def __init__(self, moto: Application, calls: CallLog, s3: S3Checks) -> None:
        self._moto = moto
        self._calls = calls
        self._s3 = s3

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith(_INTERNAL):
            return self._moto(environ, start_response)
        started = time.time()
        body = _read(environ)
        call = describe(environ, body)
        if call.service == "s3":
            refusal = self._s3.refuse(environ, body)
            if refusal is not None:
                self._calls.write(call, started, refusal.status)
                return _answer(refusal, start_response)
            name_the_checksum(environ)
        status = [0]

        def start(line: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            status[0] = int(line.split(" ", 1)[0])
            return start_response(line, headers, *rest)

        try:
            return self._moto(environ, start)
        finally:
            self._calls.write(call, started, status[0])


def _read(environ: dict[str, Any]) -> bytes:
    """The whole body, put back for moto. moto holds objects in memory, so nothing is lost by reading it here."""
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


def _answer(refusal: Refusal, start_response: Any) -> Iterable[bytes]:
    body = refusal.to_xml()
    headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
    start_response(f"{refusal.status} {refusal.code}", headers)
    return [body]
