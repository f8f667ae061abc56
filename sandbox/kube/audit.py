"""The audit log: who asked for what, and the code of the answer; never a body."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Audit:
    """Appends a JSON line per request: time, user, verb, requestURI, code."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", buffering=1, encoding="utf-8")

    def record(self, user: str, verb: str, uri: str, code: int) -> None:
        moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
        line = {"time": moment, "user": user, "verb": verb, "requestURI": uri, "code": code}
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")

    def close(self) -> None:
        self._file.close()
