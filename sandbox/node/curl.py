"""A small `curl`, so that images have one on a host that has none. Standard library only.

Supports what scripts in etcd pods use: -f/--fail, -s, -S, -o, -T/--upload-file, -X/--request, -H/--header, -K/--config
(also `-` for stdin), -L, -k, -v is ignored, -w '%{http_code}' and its likes, -D/--dump-header, -d/--data/--data-binary,
--cacert, --cert, --key, --retry, --retry-delay, --max-time, --connect-timeout, --limit-rate. Bodies are streamed.
Exit codes as curl's: 2 usage, 6 name, 7 connect, 22 HTTP error under -f, 26 read, 28 timeout, 35/60 TLS, 56 receive.
"""

import contextlib
import http.client
import os
import socket
import ssl
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urljoin, urlsplit

_FLAGS = {
    "-f": "fail", "--fail": "fail", "-s": "silent", "--silent": "silent", "-S": "show-error",
    "--show-error": "show-error", "-L": "location", "--location": "location", "-k": "insecure",
    "--insecure": "insecure", "-v": "", "--verbose": "", "-N": "", "--no-buffer": "", "--http1.1": "",
    "--retry-connrefused": "", "--retry-all-errors": "", "-sS": "silent", "-I": "head", "--head": "head",
    "--no-progress-meter": "silent", "--fail-with-body": "fail", "--globoff": "", "-g": "", "-q": "", "--disable": "",
}  # fmt: skip
_OPTIONS = {
    "-o": "output", "-T": "upload-file", "-X": "request", "-K": "config", "-w": "write-out", "-D": "dump-header",
    "-m": "max-time", "-H": "header", "-d": "data", "-E": "cert", "-A": "user-agent",
    **{"--" + name: name for name in (
        "output", "upload-file", "request", "config", "write-out", "dump-header", "max-time", "header", "data",
        "cert", "key", "cacert", "retry", "retry-delay", "connect-timeout", "limit-rate", "url", "user-agent",
        "retry-max-time", "speed-limit", "speed-time", "expect100-timeout",
    )}, "--data-binary": "data", "--data-raw": "data",
}  # fmt: skip
_LISTS = {"header", "url"}
_TRANSIENT = {408, 429, 500, 502, 503, 504}
_CHUNK = 1 << 18
_USAGE, _RESOLVE, _CONNECT, _HTTP, _READ, _TIMEOUT, _TLS, _TRUST, _RECEIVE = 2, 6, 7, 22, 26, 28, 35, 60, 56

Options = dict[str, Any]


class Outcome(NamedTuple):
    status: int
    received: int
    sent: int
    headers: dict[str, str]


class CurlError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def parse(arguments: Iterable[str], options: Options) -> None:
    """Fills `options` from command-line words (config files call this again with theirs)."""
    words = list(arguments)
    while words:
        word = words.pop(0)
        if not word.startswith("-") or word == "-":
            options.setdefault("url", []).append(word)
            continue
        if word.startswith("--"):
            name, value = word, None
        else:
            name, value = word[:2], word[2:] or None
        if name in _FLAGS:
            options[_FLAGS[name]] = True
            if value:
                words.insert(0, "-" + value)
        elif name in _OPTIONS:
            if value is None:
                if not words:
                    raise CurlError(_USAGE, f"option {name}: requires parameter")
                value = words.pop(0)
            _option(_OPTIONS[name], value, options)
        else:
            raise CurlError(_USAGE, f"option {word}: is unknown")


def _option(name: str, value: str, options: Options) -> None:
    if name == "config":
        parse(_config(value), options)
    elif name in _LISTS:
        options.setdefault(name, []).append(value)
    else:
        options[name] = value


def _text(path: str) -> str:
    return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")


def _config(path: str) -> Iterator[str]:
    try:
        text = _text(path)
    except OSError as error:
        raise CurlError(_READ, f"cannot read config from '{path}'") from error
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        words = line.split(None, 1)
        name = words[0].rstrip("=:")
        rest = words[1] if len(words) > 1 else ""
        if "=" in words[0] and not words[0].endswith("="):
            name, rest = line.split("=", 1)
        rest = rest.lstrip("=: \t")
        yield name if name.startswith("-") else "--" + name
        if rest:
            yield _unquote(rest)


def _unquote(text: str) -> str:
    if not text.startswith('"'):
        return text.split(maxsplit=1)[0]
    out, escaped = [], False
    for letter in text[1:]:
        if escaped:
            out.append({"n": "\n", "t": "\t", "r": "\r"}.get(letter, letter))
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == '"':
            break
        else:
            out.append(letter)
    return "".join(out)


def _connection(url: str, options: Options, deadline: float | None) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    timeout = float(options.get("connect-timeout") or 300)
    if deadline:
        timeout = max(0.001, min(timeout, deadline - time.monotonic()))
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=timeout, blocksize=_CHUNK)
    if parts.scheme != "https":
        raise CurlError(1, f"Protocol '{parts.scheme}' not supported")
    context = ssl.create_default_context(cafile=options.get("cacert"))
    if options.get("insecure"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.get("cert"):
        context.load_cert_chain(options["cert"], options.get("key"))
    return http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=context, blocksize=_CHUNK)


def _rate(text: str) -> float:
    units = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
    return float(text[:-1]) * units[text[-1].lower()] if text[-1].lower() in units else float(text)


class _Upload:
    """The body of a request: `read` is paced by --limit-rate and ends at --max-time."""

    def __init__(self, file: BinaryIO, rate: float | None, deadline: float | None) -> None:
        self.file, self.rate, self.deadline, self.sent, self.start = file, rate, deadline, 0, time.monotonic()

    def read(self, size: int = _CHUNK) -> bytes:
        if self.deadline and time.monotonic() > self.deadline:
            raise CurlError(_TIMEOUT, "Operation timed out")
        if self.rate:
            size = max(1, min(size, int(self.rate / 10)))
            time.sleep(max(0.0, self.sent / self.rate - (time.monotonic() - self.start)))
        data = self.file.read(size)
        self.sent += len(data)
        return data


def _headers(options: Options) -> dict[str, str]:
    headers = {"Accept": "*/*", "User-Agent": options.get("user-agent", "curl/8 (sandbox)")}
    for line in options.get("header", ()):
        name, _, value = line.partition(":")
        headers.pop(name.strip(), None)
        if value.strip():
            headers[name.strip()] = value.strip()
    return headers


def _body(
    options: Options, headers: dict[str, str], deadline: float | None, stack: contextlib.ExitStack
) -> tuple[Any, str]:
    rate = _rate(options["limit-rate"]) if options.get("limit-rate") else None
    if "upload-file" in options:
        path = options["upload-file"]
        try:
            file = sys.stdin.buffer if path == "-" else stack.enter_context(Path(path).open("rb"))  # noqa: SIM115
        except OSError as error:
            raise CurlError(_READ, f"Can't open '{path}'!") from error
        if path == "-":
            headers.setdefault("Transfer-Encoding", "chunked")
        else:
            headers.setdefault("Content-Length", str(os.fstat(file.fileno()).st_size))
        return _Upload(file, rate, deadline), "PUT"
    if "data" in options:
        data = options["data"]
        if data.startswith("@"):
            data = _text(data[1:])
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        return data.encode(), "POST"
    return None, "HEAD" if options.get("head") else "GET"


def _once(url: str, options: Options, deadline: float | None) -> Outcome:
    with contextlib.ExitStack() as stack:
        headers = _headers(options)
        body, method = _body(options, headers, deadline, stack)
        connection = _connection(url, options, deadline)
        stack.callback(connection.close)
        connection.connect()
        connection.sock.settimeout(max(0.001, deadline - time.monotonic()) if deadline else None)
        target = urlsplit(url)
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        chunked = headers.get("Transfer-Encoding") == "chunked"
        answer = None
        try:
            connection.request(options.get("request") or method, path, body, headers, encode_chunked=chunked)
        except (BrokenPipeError, ConnectionResetError):
            answer = connection.getresponse()  # the server refused before it had read all
        answer = answer or connection.getresponse()
        if options.get("location") and answer.status in (301, 302, 303, 307, 308) and answer.headers.get("Location"):
            return _once(urljoin(url, answer.headers["Location"]), options, deadline)
        received = 0
        if not (options.get("fail") and answer.status >= 400):
            if "dump-header" in options:
                Path(options["dump-header"]).write_text(
                    f"HTTP/1.1 {answer.status} {answer.reason}\r\n{answer.headers}", encoding="utf-8"
                )
            received = _receive(answer, options, deadline)
        return Outcome(answer.status, received, getattr(body, "sent", 0), dict(answer.headers))


def _receive(answer: http.client.HTTPResponse, options: Options, deadline: float | None) -> int:
    path, received = options.get("output", "-"), 0
    with contextlib.nullcontext(sys.stdout.buffer) if path == "-" else Path(path).open("wb") as out:
        while data := answer.read(_CHUNK):
            if deadline and time.monotonic() > deadline:
                raise CurlError(_TIMEOUT, "Operation timed out")
            out.write(data)
            received += len(data)
        out.flush()
    return received


def _explain(error: Exception) -> CurlError:
    if isinstance(error, CurlError):
        return error
    for kinds, code, text in (
        ((ssl.SSLCertVerificationError,), _TRUST, "SSL certificate problem"),
        ((ssl.SSLError,), _TLS, "SSL connect error"),
        ((socket.gaierror,), _RESOLVE, "Could not resolve host"),
        ((TimeoutError,), _TIMEOUT, "Operation timed out"),
        ((ConnectionRefusedError,), _CONNECT, "Failed to connect"),
    ):
        if isinstance(error, kinds):
            return CurlError(code, f"{text}: {error}")
    return CurlError(_RECEIVE, f"Recv failure: {error}")


def transfer(url: str, options: Options) -> None:
    deadline = time.monotonic() + float(options["max-time"]) if options.get("max-time") else None
    for attempt in range(int(options.get("retry") or 0), -1, -1):
        status, failure, outcome = 0, None, Outcome(0, 0, 0, {})
        try:
            outcome = _once(url, options, deadline)
            status = outcome.status
        except (OSError, http.client.HTTPException, CurlError) as error:
            failure = _explain(error)
        if attempt == 0 or (status not in _TRANSIENT and (failure is None or failure.code in (_READ, _TRUST, _USAGE))):
            break
        time.sleep(float(options.get("retry-delay") or 1))
    if failure is None and options.get("fail") and status >= 400:
        failure = CurlError(_HTTP, f"The requested URL returned error: {status}")
    _, received, sent, headers = outcome
    text = options.get("write-out", "")
    values = {
        "http_code": f"{status:03}",
        "response_code": f"{status:03}",
        "size_upload": sent,
        "size_download": received,
    }
    for name, value in values.items():
        text = text.replace("%{" + name + "}", str(value))
    for name, value in headers.items():
        text = text.replace("%header{" + name.lower() + "}", value)
    sys.stdout.write(text.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r"))
    sys.stdout.flush()
    if failure:
        raise failure


def main(arguments: list[str]) -> int:
    options: Options = {}
    try:
        parse(arguments, options)
        if not options.get("url"):
            raise CurlError(_USAGE, "no URL specified")
        for url in options["url"]:
            transfer(url if "://" in url else "http://" + url, options)
    except CurlError as error:
        if not options.get("silent") or options.get("show-error"):
            print(f"curl: ({error.code}) {error}", file=sys.stderr)
        return error.code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
