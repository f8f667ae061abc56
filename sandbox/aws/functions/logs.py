"""Where functions' output goes: CloudWatch Logs, as on AWS, and a file per function for whoever looks in."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from sandbox.aws.functions.model import Function


class FunctionLogs:
    """`backend` is moto's backend of CloudWatch Logs."""

    def __init__(self, folder: Path, backend: Any) -> None:
        self._folder = folder
        self._backend = backend
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, function: Function, stream: str, line: str) -> None:
        """Append one line to the function's file and to its log stream."""
        with self._lock:
            with (self._folder / f"{function.name}.log").open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            if not line:
                return  # CloudWatch Logs refuses an empty message
            self._backend.ensure_log_group(function.log_group)
            self._backend.ensure_log_stream(function.log_group, stream)
            event = {"timestamp": int(time.time() * 1000), "message": line}
            self._backend.put_log_events(function.log_group, stream, [event])
