"""The sandbox's own curl, as scripts in etcd pods use it."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.node import curl

received: dict[str, tuple[bytes, str]] = {}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received[self.path] = (body, self.headers.get("x-amz-checksum-sha256", ""))
        self.answer(200, b"")

    def do_GET(self) -> None:
        self.answer(404 if self.path == "/missing" else 200, b"x" * 1_000_000)

    def answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", curl.__file__, *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def test_upload_takes_its_url_and_headers_from_stdin(url: str, tmp_path: Path) -> None:
    """What is secret comes by `-K -`, the file is streamed, the status is printed."""
    (tmp_path / "f").write_bytes(b"y" * 3_000_000)
    config = f'url = "{url}/up?X-Amz-Signature=s"\nheader = "x-amz-checksum-sha256: abc="\n'
    done = run("-s", "-S", "-K", "-", "-T", str(tmp_path / "f"), "-o", "/dev/null", "-w", "%{http_code}", stdin=config)
    assert (done.returncode, done.stdout, done.stderr) == (0, "200", "")
    assert received["/up?X-Amz-Signature=s"] == (b"y" * 3_000_000, "abc=")


def test_failures_have_curls_exit_codes(url: str, tmp_path: Path) -> None:
    """Scripts tell an HTTP error, a refused connection and a timeout apart."""
    out = tmp_path / "out"
    assert run("-f", "-sS", f"{url}/missing").returncode == 22
    assert run("-sS", "-o", str(out), f"{url}/there").returncode == 0
    assert out.stat().st_size == 1_000_000
    refused = run("-sS", "http://127.0.0.1:1/")
    assert (refused.returncode, "(7)" in refused.stderr) == (7, True)
    assert run("-s", "--no-such-option", url).returncode == 2
    assert run("-sS", "-T", str(tmp_path / "none"), url).returncode == 26
