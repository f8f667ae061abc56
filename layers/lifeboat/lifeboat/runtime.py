"""What every handler has in common: Powertools around one domain call.

Each log line carries the hosted cluster, the operation and the execution; each handler is one X-Ray subsegment and
counts its successes and failures as metrics. Events are never logged: they are safe, but they are long.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from lifeboat.errors import LifeboatError
from lifeboat.lease import assert_held
from lifeboat.model import Task
from lifeboat.wiring import Services

logger = Logger(service="lifeboat")
tracer = Tracer(service="lifeboat")
metrics = Metrics(namespace="Lifeboat", service="lifeboat")

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
    except Exception as error:
        # The message of a vendor's error may quote what must not be in a log: its type and place are enough here.
        metrics.add_metric("Failed", MetricUnit.Count, 1)
        logger.error("failed unexpectedly", error=type(error).__name__)  # noqa: TRY400
        raise
    finally:
        metrics.flush_metrics()
