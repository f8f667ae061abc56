"""Nested executions end with the task that waits for them."""

from __future__ import annotations

import contextlib
from typing import Any

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for

from sandbox.aws.patching import replace


def stop_what_nobody_waits_for() -> None:
    """Stop the child of a `startExecution.sync` task that was stopped or timed out; moto lets it run on.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync: "Step Functions makes
    a best-effort attempt to cancel the task".
    """
    for builder in ("_build_sync_resolver", "_build_sync2_resolver"):
        replace(StateTaskServiceSfn, builder, _remembering(getattr(StateTaskServiceSfn, builder)))
    original: Any = getattr(StateTaskServiceSfn, "_eval_sync")  # noqa: B009 - a private name of moto's

    def wait(self: Any, env: Any, sync_resolver: Any, **rest: Any) -> Any:
        outcome = original(self, env=env, sync_resolver=sync_resolver, **rest)
        # The description of an ended child is a dict; nothing, or a time-out, means that the task ended first.
        if not isinstance(outcome, dict):
            # It may have ended by itself in this moment.
            with contextlib.suppress(ClientError):
                sync_resolver.client.stop_execution(executionArn=sync_resolver.execution_arn)
        return outcome

    replace(StateTaskServiceSfn, "_eval_sync", wait)


def _remembering(build: Any) -> Any:
    def built(self: Any, env: Any, resource_runtime_part: Any, **rest: Any) -> Any:
        arn = env.stack[-1]["ExecutionArn"]
        resolver = build(self, env=env, resource_runtime_part=resource_runtime_part, **rest)
        resolver.execution_arn = arn
        resolver.client = boto_client_for(service="stepfunctions", region=resource_runtime_part.region)
        return resolver

    return built
