"""The record of every AWS API call: who called what, about which resource, and how it ended.

Proofs read it ("no instance was terminated, by nobody"), so it holds names and ids but never a body.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Call:
    """One API call as its request tells it. `principal` is an access key id until the log names it."""

    service: str
    action: str
    principal: str
    resources: dict[str, Any] = field(default_factory=dict)


class CallLog:
    """Appends JSON lines: time (Unix seconds), seconds, service, action, principal, resources, status.

    Several processes write to one file: each line is one write to its end.
    """

    def __init__(self, path: Path, principal_of: Callable[[str], str]) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._principal_of = principal_of

    def write(self, call: Call, started: float, status: int) -> None:
        line = {
            "time": round(started, 3),
            "seconds": round(time.time() - started, 3),
            "service": call.service,
            "action": call.action,
            "principal": self._principal_of(call.principal),
            "resources": call.resources,
            "status": status,
        }
        os.write(self._file, json.dumps(line).encode() + b"\n")
