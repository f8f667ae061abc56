"""What every handler has in common: Powertools around one domain call.

Each log line carries the hosted cluster, the operation and the execution; each handler is one X-Ray subsegment and
counts its successes and failures as metrics. Events are never logged: they are safe, but they are long.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from lifeboat.errors import AwsUnavailableError, LifeboatError, UnexpectedError
from lifeboat.lease import assert_held
from lifeboat.model import Task
from lifeboat.wiring import Services

logger = Logger(service="lifeboat")
tracer = Tracer(service="lifeboat")
metrics = Metrics(namespace="Lifeboat", service="lifeboat")

_SERVER_FAULT = 500
_THROTTLED = ("Throttl", "TooManyRequests", "SlowDown", "ProvisionedThroughputExceeded", "LimitExceeded")

Body = Callable[[Task], dict[str, Any]]
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def task(services: Services, *, guarded: bool = True) -> Callable[[Body], Handler]:
    """Turn `f(task) -> result` into a Lambda handler.

    `guarded` (every task that writes): the operation's lease is checked and renewed first, so that a late twin stops
    with LeaseLostError before it changes anything.
    """

    def decorate(body: Body) -> Handler:
        @wraps(body)
        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            request = Task.from_event(event)
            return _observed(
                body.__module__,
                {
                    "hosted_cluster": str(request.hosted_cluster),
                    "operation": request.operation.id,
                    "execution": request.operation.execution,
                },
                lambda: _guarded(services, request, body) if guarded else body(request),
                context,
            )

        return handler

    return decorate


def entry(body: Callable[[dict[str, Any]], dict[str, Any]]) -> Handler:
    """The handler of a machine's first state: its event is the raw input with the execution's identity."""

    @wraps(body)
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        keys = {"execution": str(event.get("execution", {}).get("id", ""))}
        return _observed(body.__module__, keys, lambda: body(event), context)

    return handler


def _guarded(services: Services, request: Task, body: Body) -> dict[str, Any]:
    assert_held(services.leases, request)
    return body(request)


def _observed(name: str, keys: dict[str, str], call: Callable[[], dict[str, Any]], context: Any) -> dict[str, Any]:
    step = name.removeprefix("functions.").removesuffix(".app")
    logger.clear_state()
    logger.append_keys(
        **keys,
        request_id=getattr(context, "aws_request_id", None),
        function=getattr(context, "function_name", step),
    )
    metrics.add_dimension("Function", getattr(context, "function_name", step))
    try:
        with tracer.provider.in_subsegment(f"## {step}") as subsegment:
            for key, value in keys.items():
                if subsegment is not None:
                    subsegment.put_annotation(key, value)
            logger.info("started")
            result = call()
        metrics.add_metric("Succeeded", MetricUnit.Count, 1)
        logger.info("finished")
        return result
    except LifeboatError as error:
        metrics.add_metric("Failed", MetricUnit.Count, 1)
        logger.warning("failed", error=type(error).__name__, reason=str(error))
        raise
    except Exception as error:  # noqa: BLE001 - the last place that can keep a vendor's words out of the history
        metrics.add_metric("Failed", MetricUnit.Count, 1)
        ours = _ours(error, step)
        logger.error("failed unexpectedly", error=type(ours).__name__, reason=str(ours), stack=_stack(error))  # noqa: TRY400
        raise ours from None
    finally:
        metrics.flush_metrics()


def _ours(error: Exception, step: str) -> LifeboatError:
    """Our error for one that a library raised: what a machine may retry, told without the library's words.

    AWS says by code and HTTP status whether trying again may help; the SDK has already tried a few times.
    """
    kind = type(error)
    if kind.__module__.partition(".")[0] != "botocore":
        return UnexpectedError(f"{kind.__name__} in {step}: look at the function's log")
    response: dict[str, Any] = getattr(error, "response", {})
    code = str(response.get("Error", {}).get("Code", kind.__name__))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    operation = getattr(error, "operation_name", "a call")
    if status is None or status >= _SERVER_FAULT or any(word in code for word in _THROTTLED):
        return AwsUnavailableError(f"AWS answered {operation} with {code} in {step}")
    return UnexpectedError(f"AWS refused {operation} with {code} in {step}: are the function's rights complete?")


def _stack(error: Exception) -> list[str]:
    """Where it happened, without the message and without values."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
