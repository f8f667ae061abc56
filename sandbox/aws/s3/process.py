"""S3 as a process of its own, seen from the process of the other services that starts it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable

from sandbox.aws.s3.callers import answer
from sandbox.plan import Plan

_STOP_SECONDS = 5


class S3Process:
    """Starts `python -m sandbox.aws.s3`, answers who its callers are, and ends with it."""

    def __init__(
        self,
        plan: Plan,
        secret_of: Callable[[str], tuple[str, str | None] | None],
        principal_of: Callable[[str], str],
    ) -> None:
        self._plan = plan
        self._secret_of = secret_of
        self._principal_of = principal_of
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        """Return once it listens. Raises RuntimeError when it does not come up. Call it in the main thread."""
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.aws.s3", str(self._plan.run / "plan.json")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            msg = f"S3 did not start (exit code {process.wait(_STOP_SECONDS)})"
            raise RuntimeError(msg)
        threading.Thread(target=self._answer, args=(process,), name="s3-callers", daemon=True).start()

    def _answer(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        answer(process.stdout, process.stdin, self._secret_of, self._principal_of)
        code = process.wait()
        if not self._stopping.is_set():
            print(f"S3 ended with {code}: no AWS without it", file=sys.stderr, flush=True)
            os._exit(1)

    def stop(self) -> None:
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
