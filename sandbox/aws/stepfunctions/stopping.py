"""StopExecution ends an execution whatever it is doing.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.state_parallel import StateParallel
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped

from sandbox.aws.patching import replace


class _StoppedError(BaseException):
    """The execution was stopped while its task ran. No Exception: Retry and Catch of the state must not see it."""


def wake_what_waits_for_a_token() -> None:
    """End tasks that wait for a token with their execution: moto waits on for an answer that may never come."""
    original = Environment.set_stop

    def stop(self: Any, *reason: Any, **named: Any) -> None:
        original(self, *reason, **named)
        if not self.is_frame():  # a branch shares its tokens with the others
            for endpoint in list(self.callback_pool_manager._pool.values()):  # noqa: SLF001
                endpoint.interrupt_all()

    replace(Environment, "set_stop", stop)


def let_a_stop_stand() -> None:
    """Ignore how a task ends after the stop: moto retries it, catches its error, or fails the execution by it."""
    for kind in (ExecutionState, StateMap, StateParallel):
        replace(kind, "_eval_state", _ending(getattr(kind, "_eval_state")))  # noqa: B009 - a private name of moto's
    evaluate: Any = getattr(ExecutionState, "_evaluate_with_timeout")  # noqa: B009
    set_error = Environment.set_error

    def evaluate_unless_stopped(self: Any, env: Any) -> None:
        try:
            evaluate(self, env)
        except Exception as error:
            if isinstance(env.program_state(), ProgramStopped):
                raise _StoppedError from error
            raise

    def keep(self: Any, error: Any) -> None:
        if not isinstance(self.program_state(), ProgramStopped):
            set_error(self, error)

    replace(ExecutionState, "_evaluate_with_timeout", evaluate_unless_stopped)
    replace(Environment, "set_error", keep)


def _ending(original: Any) -> Any:
    def eval_state(self: Any, env: Any) -> None:
        try:
            original(self, env)
        except _StoppedError as error:
            # For the program around, which ends by it; `keep` leaves the reason of the stop as it is.
            raise RuntimeError("stopped") from error

    return eval_state
