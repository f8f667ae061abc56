"""Takes the place of the X-Ray daemon: functions send their segments here, and each becomes a JSON line.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html, "Sending segment documents to the daemon".
"""

from __future__ import annotations

import socketserver
import threading
from pathlib import Path

PORT = 2000
_HEADER_END = b"\n"


def receiver(address: str, path: Path) -> socketserver.UDPServer:
    """A UDP server on port 2000 of `address` that appends segments to `path`; the caller runs `serve_forever`."""
    lock = threading.Lock()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            _header, _, segment = self.request[0].partition(_HEADER_END)
            with lock, path.open("ab") as file:
                file.write(segment.replace(b"\n", b" ") + b"\n")

    return socketserver.UDPServer((address, PORT), Handler)
