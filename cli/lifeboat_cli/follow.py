"""Follow an execution and everything nested in it, step by step, from its history.

The history is read on from where the last look ended. A state's name is not in most events; it is found by going back
along `previousEventId`, which also keeps the branches of a Parallel apart.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

POLL_SECONDS = 1.0
_RUNNING = "RUNNING"
_FAILED = (
    "LambdaFunctionFailed",
    "LambdaFunctionTimedOut",
    "TaskFailed",
    "TaskTimedOut",
    "LambdaFunctionScheduleFailed",
)
_STARTED = {"LambdaFunctionScheduled", "TaskScheduled"}


class What(StrEnum):
    """What became of a state."""

    ENTERED = "entered"
    RETRIED = "retried"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True)
class StepEvent:
    """One thing that happened to one state."""

    machine: str
    state: str
    kind: str
    """Task, Choice, Wait, Pass, Parallel, Map, Succeed, Fail."""
    event: What
    at: datetime.datetime
    duration: float | None
    """Seconds since the state was entered; None on entering."""
    depth: int
    """0: the execution that is followed; 1: nested in it."""
    execution: str
    error: str | None = None
    answer: dict[str, Any] | None = None
    """What the state's function answered, where it is JSON."""


@dataclass(frozen=True)
class Outcome:
    """How an execution ended."""

    status: str
    output: Any
    error: str | None
    cause: str | None

    @property
    def succeeded(self) -> bool:
        return self.status == "SUCCEEDED"


@dataclass
class _State:
    name: str
    kind: str
    entered: datetime.datetime
    failure: str | None = None
    answer: dict[str, Any] | None = None


@dataclass
class _Reader:
    """Reads one execution's history from where it stopped."""

    arn: str
    depth: int
    seen: int = 0
    page: str | None = None
    states: dict[int, _State] = field(default_factory=dict)
    """The state that each event belongs to."""

    @property
    def machine(self) -> str:
        return self.arn.split(":")[-2]

    def new_events(self, client: Any) -> Iterator[dict[str, Any]]:
        while True:
            page = {"nextToken": self.page} if self.page else {}
            answer = client.get_execution_history(executionArn=self.arn, maxResults=500, **page)
            for event in answer["events"]:
                if event["id"] > self.seen:
                    self.seen = event["id"]
                    yield event
            if not answer.get("nextToken"):
                return  # the last page is read again next time, it may have grown
            self.page = answer["nextToken"]


def follow(
    client: Any,
    execution_arn: str,
    on_event: Callable[[StepEvent], None],
    *,
    poll_seconds: float = POLL_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Tell `on_event` everything until the execution ends; `client` is boto3's for Step Functions."""
    readers = [_Reader(execution_arn, 0)]
    while True:
        # Asked first: what happened before the end was seen is in the history that is read after it.
        described = client.describe_execution(executionArn=execution_arn)
        for reader in readers:
            _read(client, reader, readers, on_event)
        if described["status"] != _RUNNING:
            output = described.get("output")
            return Outcome(
                described["status"],
                json.loads(output) if output else None,
                described.get("error"),
                described.get("cause"),
            )
        sleep(poll_seconds)


def _read(client: Any, reader: _Reader, readers: list[_Reader], on_event: Callable[[StepEvent], None]) -> None:
    for event in reader.new_events(client):
        if event["type"].endswith("StateExited"):  # a nested execution has ended: its rest is told first
            for inner in readers:
                if inner.depth > reader.depth:
                    _read(client, inner, readers, on_event)
        for step in _steps(reader, event):
            on_event(step)
        nested = _nested(event)
        if nested and all(each.arn != nested for each in readers):
            inner = _Reader(nested, reader.depth + 1)
            readers.append(inner)
            _read(client, inner, readers, on_event)


def _steps(reader: _Reader, event: dict[str, Any]) -> Iterator[StepEvent]:
    kind, at = event["type"], event["timestamp"]
    if kind.endswith("StateEntered"):
        state = _State(event["stateEnteredEventDetails"]["name"], kind.removesuffix("StateEntered"), at)
        reader.states[event["id"]] = state
        yield _event(reader, state, What.ENTERED, at)
        return
    state_or_none = reader.states.get(event.get("previousEventId", 0))
    if state_or_none is None:
        return
    state = reader.states[event["id"]] = state_or_none
    if kind in _FAILED:
        state.failure = _details(event).get("error") or kind
    elif kind in _STARTED and state.failure:
        yield _event(reader, state, What.RETRIED, at)
        state.failure = None
    elif kind in {"LambdaFunctionSucceeded", "TaskSucceeded"}:
        state.failure, state.answer = None, _json(_details(event).get("output"))
    elif kind.endswith("StateExited"):
        yield _event(reader, state, What.FAILED if state.failure else What.SUCCEEDED, at)
    elif kind in {"ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}:
        state.failure = _details(event).get("error") or kind
        yield _event(reader, state, What.FAILED, at)


def _event(reader: _Reader, state: _State, what: What, at: datetime.datetime) -> StepEvent:
    return StepEvent(
        reader.machine,
        state.name,
        state.kind,
        what,
        at,
        None if what is What.ENTERED else (at - state.entered).total_seconds(),
        reader.depth,
        reader.arn,
        state.failure,
        state.answer if what is What.SUCCEEDED else None,
    )


def _details(event: dict[str, Any]) -> dict[str, Any]:
    """An event's one details object: its name follows from the type, with exceptions that are not worth a table."""
    return next((value for key, value in event.items() if key.endswith("EventDetails")), {})


def _nested(event: dict[str, Any]) -> str | None:
    if event["type"] != "TaskSubmitted":
        return None
    arn = (_json(_details(event).get("output")) or {}).get("ExecutionArn")
    return str(arn) if arn else None


def _json(text: str | None) -> dict[str, Any] | None:
    try:
        value = json.loads(text or "")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
