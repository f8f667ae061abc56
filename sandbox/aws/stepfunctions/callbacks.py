"""Task tokens: what a worker outside tells a waiting task."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.parser.api import InvalidToken, TaskTimedOut
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeFailure
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from sandbox.aws.patching import replace


def _endpoint(backend: Any, token: str) -> Any:
    for execution in backend._get_executions():  # noqa: SLF001
        # An execution has no environment until its definition is parsed: moto trips over one that just starts.
        environment = execution.exec_worker and execution.exec_worker.env
        endpoint = environment and environment.callback_pool_manager.get(token)
        if endpoint is None:
            continue
        if endpoint.consumer_error is not None or endpoint.get_outcome() is not None or not environment.is_running():
            raise TaskTimedOut(f"Task Timed Out: '{token}'")
        return endpoint
    raise InvalidToken


def keep_the_cause_of_a_failed_task() -> None:
    """Pass on the cause of SendTaskFailure; find the task whatever state the other executions are in."""

    def send_failure(self: Any) -> ActionResult:
        token = self._get_param("taskToken")
        _endpoint(self.stepfunction_backend, token).notify(
            CallbackOutcomeFailure(callback_id=token, error=self._get_param("error"), cause=self._get_param("cause"))
        )
        return EmptyResult()

    original = StepFunctionsParserBackend.send_task_success

    def send_success(self: Any, task_token: str, outcome: str) -> Any:
        _endpoint(self, task_token)
        return original(self, task_token, outcome)

    replace(StepFunctionResponse, "send_task_failure", send_failure)
    replace(StepFunctionsParserBackend, "send_task_success", send_success)


def accept_any_heartbeat() -> None:
    """Accept a heartbeat for a task that has no HeartbeatSeconds, as AWS does."""

    def heartbeat(self: Any, task_token: str) -> None:
        _endpoint(self, task_token).notify_heartbeat()

    replace(StepFunctionsParserBackend, "send_task_heartbeat", heartbeat)
