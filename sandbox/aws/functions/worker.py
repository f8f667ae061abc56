"""One execution environment: a process that runs one function, one event at a time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Executor
from concurrent.futures import TimeoutError as NoAnswerError
from pathlib import Path

from sandbox.aws.functions.model import Function, Outcome
from sandbox.aws.functions.runtime_api import Invocation, RuntimeApi

BOOTSTRAP = Path(__file__).parent / "runtime" / "bootstrap.py"
# AWS allows 10 s before it counts initialisation as part of the invocation; a shared small machine is slower.
INITIALISATION_SECONDS = 60.0
_TAIL = 4096


class Worker:
    """Starts the process at once. `log_line` gets each line that the function writes, without its end."""

    def __init__(
        self,
        function: Function,
        environment: dict[str, str],
        *,
        address: str,
        spawner: Executor,
        log_line: Callable[[Function, str, str], None],
    ) -> None:
        self.function = function
        self.idle_since = time.monotonic()
        self.log_stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{function.version}]{uuid.uuid4().hex}"
        self._log_line = log_line
        self._api = RuntimeApi(address)
        self._lines: list[str] = []
        self._temporary = environment["TMPDIR"]
        self._invocation: Invocation | None = None
        self._ended = threading.Event()
        self._process: subprocess.Popen[bytes] = spawner.submit(self._spawn, environment).result()
        threading.Thread(target=self._watch, daemon=True, name=f"logs-{function.name}").start()

    def _spawn(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        # The base interpreter without site-packages: a function sees its code, its layers and nothing of the sandbox.
        # -P keeps the bootstrap's folder off the path, -S the machine's site-packages.
        return subprocess.Popen(
            [_interpreter(), "-P", "-S", "-s", str(BOOTSTRAP), self.function.handler],
            env={
                **environment,
                "AWS_LAMBDA_RUNTIME_API": self._api.endpoint,
                "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
            },
            cwd=self.function.code,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            close_fds=True,
            start_new_session=True,
        )

    @property
    def alive(self) -> bool:
        return not self._ended.is_set() and self._process.poll() is None

    def invoke(self, payload: bytes, trace_id: str, cut_after: float | None = None) -> Outcome:
        """Run one event to its end, its timeout or the end of the process, which comes `cut_after` seconds if given."""
        first_line = len(self._lines)
        request_id = str(uuid.uuid4())
        self._write(f"START RequestId: {request_id} Version: {self.function.version}")
        if not self._wait_until_ready():
            return self._failed_to_start(request_id, first_line)
        started = time.monotonic()
        invocation = Invocation(
            request_id=request_id,
            body=payload,
            deadline_ms=int((time.time() + self.function.timeout_seconds) * 1000),
            function_arn=self.function.arn,
            trace_id=trace_id,
        )
        self._invocation = invocation
        if self._ended.is_set():
            self._settle_as_exited()
        self._api.submit(invocation)
        cut = threading.Timer(cut_after or 0.0, self.stop)
        if cut_after is not None:
            cut.start()
        try:
            answer, failed = invocation.answer.result(self.function.timeout_seconds)
        except NoAnswerError:
            self.stop()
            answer, failed = _timed_out(request_id, self.function.timeout_seconds), True
            self._write(f"{request_id} Task timed out after {self.function.timeout_seconds:.2f} seconds")
        finally:
            cut.cancel()
            self._invocation = None
        milliseconds = (time.monotonic() - started) * 1000
        self._write(f"END RequestId: {request_id}")
        memory = f"Memory Size: {self.function.memory_mb} MB"
        self._write(f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\t{memory}")
        self.idle_since = time.monotonic()
        return Outcome(answer, "Unhandled" if failed else None, self._tail(first_line))

    def stop(self) -> None:
        """Kill the process and all that it started."""
        self._api.close()
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, 9)
            except ProcessLookupError:
                self._process.kill()

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + INITIALISATION_SECONDS
        while not self._api.ready.wait(0.05):
            if self._ended.is_set() or time.monotonic() > deadline:
                return False
        return True

    def _failed_to_start(self, request_id: str, first_line: int) -> Outcome:
        self.stop()
        error = self._api.initialisation_error or json.dumps(
            {
                "errorType": "Runtime.ExitError" if self._ended.is_set() else "Sandbox.Timedout",
                "errorMessage": f"RequestId: {request_id} Error: Runtime exited before it was ready",
            }
        ).encode("utf-8")
        return Outcome(error, "Unhandled", self._tail(first_line))

    def _watch(self) -> None:
        output = self._process.stdout
        assert output is not None
        with output:
            for line in output:
                self._write(line.decode("utf-8", "replace").rstrip("\r\n"))
        self._process.wait()
        self._ended.set()
        shutil.rmtree(self._temporary, ignore_errors=True)  # it may hold what the function decoded from secrets
        self._settle_as_exited()
        self._api.close()

    def _settle_as_exited(self) -> None:
        invocation = self._invocation
        if invocation is not None:
            status = self._process.returncode
            reason = f"signal: {-status}" if status is not None and status < 0 else f"exit status {status}"
            message = f"RequestId: {invocation.request_id} Error: Runtime exited with error: {reason}"
            body = {"errorType": "Runtime.ExitError", "errorMessage": message}
            invocation.settle(json.dumps(body).encode("utf-8"), failed=True)

    def _write(self, line: str) -> None:
        self._lines.append(line)
        self._log_line(self.function, self.log_stream, line)

    def _tail(self, first_line: int) -> bytes:
        tail = "\n".join(self._lines[first_line:]).encode("utf-8")[-_TAIL:]
        del self._lines[:]
        return tail


def _timed_out(request_id: str, seconds: float) -> bytes:
    message = f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds"
    return json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": message}).encode("utf-8")


def _interpreter() -> str:
    return getattr(sys, "_base_executable", None) or sys.executable
