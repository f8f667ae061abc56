"""Peak memory of the functions' processes, as the kernel counts it (`VmHWM`)."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.plan import Plan

_BOOTSTRAP = b"sandbox/aws/functions/runtime/bootstrap.py"
_EVERY = 0.1


class FunctionMemory:
    """Looks while the context lasts; `peaks` holds MiB by function. Only functions of this sandbox count."""

    def __init__(self, plan: Plan) -> None:
        self._ours = f"AWS_ENDPOINT_URL={plan.aws_url}".encode()
        self.peaks: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="function-memory")

    def __enter__(self) -> Self:
        for process, _ in self._functions():
            with contextlib.suppress(OSError):
                (process / "clear_refs").write_text("5")  # the peak starts anew from what it holds now
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY):
            self._look()

    def _look(self) -> None:
        for process, name in self._functions():
            with contextlib.suppress(OSError):
                for line in (process / "status").read_text(encoding="utf-8").splitlines():
                    if line.startswith("VmHWM"):
                        self.peaks[name] = max(self.peaks.get(name, 0.0), int(line.split()[1]) / 1024)

    def _functions(self) -> list[tuple[Path, str]]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if _BOOTSTRAP not in (process / "cmdline").read_bytes():
                    continue
                variables = (process / "environ").read_bytes().split(b"\0")
                if self._ours in variables:
                    name = next(each for each in variables if each.startswith(b"AWS_LAMBDA_FUNCTION_NAME="))
                    found.append((process, name.partition(b"=")[2].decode()))
        return found
