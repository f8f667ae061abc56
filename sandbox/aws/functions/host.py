"""All execution environments of all functions: warm ones are reused, idle ones end."""

from __future__ import annotations

import sys
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.aws import traces
from sandbox.aws.functions import packages
from sandbox.aws.functions.faults import Faults
from sandbox.aws.functions.logs import FunctionLogs
from sandbox.aws.functions.model import Credentials, Function, Outcome
from sandbox.aws.functions.worker import Worker
from sandbox.plan import REGION, Plan

_IDLE_SECONDS = 60.0
_MOST_IDLE = 24  # about 100 MB each once a Kubernetes client is loaded; one machine uses up to 20 functions
_REPOSITORY = Path(__file__).resolve().parents[3]
RUNTIME_INTERFACE = _REPOSITORY / "build" / "runtime" / "awslambdaric"


class FunctionHost:
    """Runs functions. Safe for concurrent use: one process per concurrent invocation, as on AWS."""

    def __init__(self, plan: Plan, credentials_of: Callable[[str], Credentials], logs: FunctionLogs) -> None:
        if not (RUNTIME_INTERFACE / "awslambdaric").is_dir():
            raise FileNotFoundError(f"{RUNTIME_INTERFACE} is missing: run `make install`")
        self.packages = packages.PackageStore(plan.run / "aws" / "packages")
        self._plan = plan
        self._faults = Faults(plan)
        self._credentials_of = credentials_of
        self._logs = logs
        self._idle: dict[Function, list[Worker]] = defaultdict(list)
        self._busy: set[Worker] = set()
        self._lock = threading.Lock()
        # A child's death signal follows the *thread* that started it; request threads come and go, this one stays.
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="spawner")
        self._closed = threading.Event()
        threading.Thread(target=self._end_idle, daemon=True, name="idle-functions").start()

    def invoke(self, function: Function, payload: bytes, trace_id: str | None = None) -> Outcome:
        """Run one event in a warm process, or in a new one when all are busy; or meet a planted fault."""
        fault = self._faults.next(function.name)
        if fault and fault.when == "before":
            return fault.outcome()
        if fault and fault.when == "late":
            self._faults.hold(function.name)
        outcome = self._run(function, payload, trace_id, fault.cut_after if fault else None)
        if fault and fault.when == "held":
            self._faults.hold(function.name)
        return fault.outcome() if fault and fault.loses else outcome

    def _run(self, function: Function, payload: bytes, trace_id: str | None, cut_after: float | None) -> Outcome:
        worker = self._take(function) or self._start(function)
        with self._lock:
            self._busy.add(worker)
        try:
            return worker.invoke(payload, trace_id or _trace_id(), cut_after)
        finally:
            self._give_back(worker)

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            workers = [each for pool in self._idle.values() for each in pool] + list(self._busy)
            self._idle.clear()
        for worker in workers:
            worker.stop()
        self._spawner.shutdown(wait=False)

    def _take(self, function: Function) -> Worker | None:
        with self._lock:
            pool = self._idle[function]
            while pool:
                worker = pool.pop()  # the one used last: the others may then end
                if worker.alive:
                    return worker
        return None

    def _give_back(self, worker: Worker) -> None:
        surplus: Worker | None = None
        with self._lock:
            self._busy.discard(worker)
            if not worker.alive or self._closed.is_set():
                surplus = worker
            else:
                self._idle[worker.function].append(worker)
                idle = [each for pool in self._idle.values() for each in pool]
                if len(idle) > _MOST_IDLE:
                    surplus = min(idle, key=lambda each: each.idle_since)
                    self._idle[surplus.function].remove(surplus)
        if surplus is not None:
            surplus.stop()

    def _start(self, function: Function) -> Worker:
        return Worker(
            function,
            self._environment(function),
            address=self._plan.aws_address,
            spawner=self._spawner,
            log_line=self._logs.write,
        )

    def _end_idle(self) -> None:
        while not self._closed.wait(10):
            now = time.monotonic()
            with self._lock:
                tired = [each for pool in self._idle.values() for each in pool if now - each.idle_since > _IDLE_SECONDS]
                for worker in tired:
                    self._idle[worker.function].remove(worker)
            for worker in tired:
                worker.stop()

    def _environment(self, function: Function) -> dict[str, str]:
        temporary = self._plan.run / "aws" / "tmp" / uuid.uuid4().hex[:12]
        packages.clear(temporary)
        path = [function.code, *(layer / "python" for layer in function.layers), RUNTIME_INTERFACE]
        return {
            **dict(function.variables),
            **self._credentials_of(function.role_arn).variables(),
            "_HANDLER": function.handler,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self._plan.aws_url,
            "AWS_ENDPOINT_URL_S3": self._plan.s3_url,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python3.{sys.version_info.minor}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
            "AWS_REGION": REGION,
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "AWS_XRAY_DAEMON_ADDRESS": f"{self._plan.aws_address}:{traces.PORT}",
            "LAMBDA_RUNTIME_DIR": str(RUNTIME_INTERFACE),
            "LAMBDA_TASK_ROOT": str(function.code),
            "LANG": "C.UTF-8",
            "LIFEBOAT_SANDBOX_RESOLVER": self._plan.resolver,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            # Whom urllib3 trusts by default; botocore and Kubernetes' client bring their own.
            "SSL_CERT_FILE": str(self._plan.s3_authority),
            "PYTHONPATH": ":".join(str(each) for each in path),
            "TMPDIR": str(temporary),
            "TZ": ":UTC",
        }


def _trace_id() -> str:
    return f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=1"
