"""What callers see of executions: their names, outputs, errors and histories."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.evaluation_details import ExecutionDetails
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramStopped, ProgramTimedOut
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from sandbox.aws.patching import replace
from sandbox.aws.stepfunctions.integrations import iso

_LARGEST_PAGE = 1000
_REFLECT = "_reflect_execution_status"


def name_unnamed_executions() -> None:
    """Give an execution started without a name a UUID: moto calls each of them `None` and refuses the second."""
    original = StepFunctionsParserBackend.start_execution

    def start(self: Any, state_machine_arn: str, name: str | None = None, *rest: Any, **named: Any) -> Any:
        return original(self, state_machine_arn, name or str(uuid.uuid4()), *rest, **named)

    replace(StepFunctionsParserBackend, "start_execution", start)


def keep_outputs_plain() -> None:
    """Keep times out of outputs and of the context object: DescribeExecution fails on what JSON cannot hold.

    The output is set before the status, or a caller that polls can see SUCCEEDED without an output.
    """
    original = getattr(BaseExecutionWorkerCommunication, _REFLECT)

    def reflect(self: Any) -> None:
        environment = self.execution.exec_worker.env
        state = environment.program_state()
        if isinstance(state, ProgramEnded):
            self.execution.output = json.loads(to_json_str(environment.states.get_input()))
        original(self)
        if isinstance(state, ProgramEnded):
            self.execution.output = json.loads(to_json_str(self.execution.output))

    def details(self: Any) -> ExecutionDetails:
        return ExecutionDetails(
            arn=self.exec_arn,
            name=self.name,
            role_arn=self.role_arn,
            inpt=self.input_data,
            start_time=iso(self.start_date),
        )

    replace(BaseExecutionWorkerCommunication, _REFLECT, reflect)
    replace(Execution, "get_start_execution_details", details)


def tell_why_an_execution_was_stopped() -> None:
    """Keep the error and cause given to StopExecution, and States.Timeout of a machine that took too long.

    A stopped execution is ABORTED at once, whatever its task still does; with moto only once that has ended.
    """
    reflect_original = getattr(BaseExecutionWorkerCommunication, _REFLECT)

    def reflect(self: Any) -> None:
        if self.execution.exec_status == ExecutionStatus.ABORTED:
            return
        state = self.execution.exec_worker.env.program_state()
        if isinstance(state, ProgramStopped):
            self.execution.error, self.execution.cause = state.error or None, state.cause or None
        elif isinstance(state, ProgramTimedOut):
            self.execution.error = "States.Timeout"
        reflect_original(self)

    def stop(self: Any) -> ActionResult:
        backend = self.stepfunction_backend
        execution = backend.describe_execution(self._get_param("executionArn"))
        if execution.status == ExecutionStatus.RUNNING:
            backend.stop_execution(execution.execution_arn)
            worker = execution.exec_worker
            if isinstance(worker.env.program_state(), ProgramStopped):
                getattr(worker._execution_communication, _REFLECT)()  # noqa: SLF001
        return ActionResult({"stopDate": execution.stop_date or execution.start_date})

    def stop_with_reason(self: Any) -> ActionResult:
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        _wait_until_it_can_be_stopped(execution)
        original_stop = execution.stop
        # The backend calls `stop` with empty strings; the request's own words replace them for this one call.
        execution.stop = lambda stop_date, **_: original_stop(
            stop_date=stop_date, error=self._get_param("error"), cause=self._get_param("cause")
        )
        try:
            return stop(self)
        finally:
            del execution.stop

    replace(BaseExecutionWorkerCommunication, _REFLECT, reflect)
    replace(StepFunctionResponse, "stop_execution", stop_with_reason)


def _wait_until_it_can_be_stopped(execution: Any) -> None:
    """Moto starts executions in a thread and has nothing to stop before that has parsed the definition."""
    deadline = time.monotonic() + 10
    while execution.exec_worker.env is None and time.monotonic() < deadline:
        time.sleep(0.01)


def page_histories() -> None:
    """Obey maxResults, reverseOrder and nextToken in GetExecutionHistory."""

    def history(self: Any) -> ActionResult:
        whole = self.stepfunction_backend.get_execution_history(self._get_param("executionArn"))
        events = list(whole["events"])
        if self._get_param("reverseOrder"):
            events.reverse()
        start = int(self._get_param("nextToken") or 0)
        size = int(self._get_param("maxResults") or 0) or _LARGEST_PAGE
        page: dict[str, Any] = {"events": events[start : start + size]}
        if start + size < len(events):
            page["nextToken"] = str(start + size)
        return ActionResult(page)

    replace(StepFunctionResponse, "get_execution_history", history)
