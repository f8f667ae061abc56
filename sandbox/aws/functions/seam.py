"""Where moto hands over an invocation: every path (Invoke, Step Functions, event sources) ends in this one method."""

from __future__ import annotations

import base64
import threading
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.awslambda.models import lambda_backends as backends

from sandbox.aws.functions.host import FunctionHost
from sandbox.aws.functions.model import Function
from sandbox.aws.patching import replace


def run_functions_on(host: FunctionHost) -> None:
    """Let `host` run every function; stock moto needs Docker or answers with an echo."""

    def invoke(self: Any, body: Any, request_headers: Any, response_headers: Any) -> bytes:
        payload = body.encode("utf-8") if isinstance(body, str) else (body or b"{}")
        function = _function(self, host)
        kind = request_headers.get("x-amz-invocation-type", "RequestResponse")
        trace = request_headers.get("x-amzn-trace-id")
        if kind == "DryRun":
            return b""
        if kind == "Event":
            threading.Thread(target=_attempt, args=(host, function, payload, trace), daemon=True).start()
            return b""
        outcome = host.invoke(function, payload, trace)
        if outcome.error:
            response_headers["x-amz-function-error"] = outcome.error
        response_headers["x-amz-log-result"] = base64.b64encode(outcome.log).decode("ascii")
        return outcome.payload

    replace(LambdaFunction, "invoke", invoke)


def _attempt(host: FunctionHost, function: Function, payload: bytes, trace: str | None) -> None:
    """An asynchronous invocation: up to three attempts, without AWS's minutes between them."""
    for _ in range(3):
        if not host.invoke(function, payload, trace).error:
            return


def _function(moto_function: Any, host: FunctionHost) -> Function:
    backend = backends[moto_function.account_id][moto_function.region]
    layers = []
    for layer in moto_function.layers:
        version: Any = backend.layers_versions_by_arn(layer["Arn"])
        layers.append(host.packages.unpack(version.code_bytes))
    return Function(
        name=moto_function.function_name,
        arn=moto_function.function_arn,
        version="$LATEST",
        handler=moto_function.handler,
        timeout_seconds=float(moto_function.timeout),
        memory_mb=int(moto_function.memory_size),
        role_arn=moto_function.role,
        code=host.packages.unpack(moto_function.code_bytes),
        layers=tuple(layers),
        variables=tuple(sorted(moto_function.environment_vars.items())),
        traced=moto_function.tracing_config.get("Mode") == "Active",
    )
