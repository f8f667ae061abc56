"""S3 at the address of every service: requests are passed on as they came, Host and signature with them."""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_BLOCK = 1 << 18
_SECONDS = 120
_OF_THE_HOP = {"connection", "expect", "keep-alive", "te", "upgrade"}


class PassOn:
    """A WSGI application that asks the server at `address`:`port`, in bounded memory either way."""

    def __init__(self, address: str, port: int) -> None:
        self._address = address
        self._port = port

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        connection = http.client.HTTPConnection(self._address, self._port, timeout=_SECONDS, blocksize=_BLOCK)
        try:
            connection.putrequest(
                environ["REQUEST_METHOD"],
                environ.get("RAW_URI") or environ["REQUEST_URI"],
                skip_host=True,
                skip_accept_encoding=True,
            )
            for name, value in _headers(environ).items():
                connection.putheader(name, value.encode("latin-1"))
            connection.endheaders()
            self._send_body(connection, environ)
            answer = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OF_THE_HOP]
        start_response(f"{answer.status} {answer.reason}", headers)
        return _Blocks(connection, answer)

    @staticmethod
    def _send_body(connection: http.client.HTTPConnection, environ: Mapping[str, Any]) -> None:
        left = int(environ.get("CONTENT_LENGTH") or 0)
        while left:
            block = environ["wsgi.input"].read(min(left, _BLOCK))
            if not block:
                raise ConnectionAbortedError("the client stopped in the middle of the body")
            try:
                connection.send(block)
            except (BrokenPipeError, ConnectionResetError):
                return  # S3 has answered already: it refuses
            left -= len(block)


class _Blocks:
    """The answer's body. WSGI closes it, also when the client is gone before the end."""

    def __init__(self, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> None:
        self._connection = connection
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        while block := self._answer.read(_BLOCK):
            yield block

    def close(self) -> None:
        self._connection.close()


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """The request's headers under the names that WSGI left of them."""
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH", "CONTENT_MD5"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = str(environ[name])
    return {name: value for name, value in headers.items() if name not in _OF_THE_HOP}
