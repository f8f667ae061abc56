"""Walks a machine with scripted answers: which states come in which order, and what its data are at the end.

Knows what our machines use of the language: Pass, Task, Choice, Wait (not waited), Succeed, Fail; Catch by name;
Parameters and ResultSelector by reference path and States.Format. Retries are the real interpreter's business
(`tests/sandbox`): a scripted failure is one that outlived them.
"""

from __future__ import annotations

import copy
import fnmatch
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.statemachine import machines

LIMIT = 500
Answer = Any | Callable[[Any], Any]


class Failure(Exception):  # noqa: N818 - what a task ends with, as Step Functions names it
    """A task that failed for good."""

    def __init__(self, error: str, cause: str = "it broke") -> None:
        super().__init__(error, cause)
        self.error, self.cause = error, cause


def of_a_function(error: str, message: str) -> Failure:
    """A failure as Lambda tells it: a document with a stack trace."""
    document = {"errorMessage": message, "errorType": error, "requestId": "r", "stackTrace": ["  File ...\n"]}
    return Failure(error, json.dumps(document))


@dataclass
class Run:
    """One walk."""

    states: list[str] = field(default_factory=list)
    data: Any = None
    error: str | None = None
    cause: str | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    """What each task was given last."""

    @property
    def end(self) -> str:
        return self.states[-1]

    @property
    def tasks(self) -> list[str]:
        """The states that do something, in order, repeated looks once."""
        return list(dict.fromkeys(self.states))


def walk(name: str, given: Any, answers: Mapping[str, Answer]) -> Run:
    """Walk `statemachine/<name>`; `answers` by state: a value, a Failure, a list of these one by one, or f(input)."""
    machine = machines.load(name)
    script = {state: list(answer) if isinstance(answer, list) else answer for state, answer in answers.items()}
    run, current = Run(data=copy.deepcopy(given)), machine["StartAt"]
    for _ in range(LIMIT):
        run.states.append(current)
        state = machine["States"][current]
        following = _step(current, state, run, script)
        if following is None:
            return run
        current = following
    msg = f"no end after {LIMIT} states: {run.states[-10:]}"
    raise AssertionError(msg)


def _step(  # noqa: PLR0911 - one return per type of state
    name: str, state: dict[str, Any], run: Run, script: dict[str, Any]
) -> str | None:
    match state["Type"]:
        case "Succeed":
            return None
        case "Fail":
            run.error = state.get("Error") or path(state["ErrorPath"], run.data)
            run.cause = state.get("Cause") or path(state["CausePath"], run.data)
            return None
        case "Choice":
            return next((rule["Next"] for rule in state["Choices"] if holds(rule, run.data)), state["Default"])
        case "Wait":
            return str(state["Next"])
        case "Pass":
            result = state["Result"] if "Result" in state else _input(state, run.data)
            run.data = put(run.data, state.get("ResultPath", "$"), result)
            return str(state["Next"])
    run.inputs[name] = _input(state, run.data)
    try:
        answer = _answer(name, script, run.inputs[name])
    except Failure as failure:
        for rule in state["Catch"]:
            if failure.error in rule["ErrorEquals"] or "States.ALL" in rule["ErrorEquals"]:
                told = {"Error": failure.error, "Cause": failure.cause}
                run.data = put(run.data, rule["ResultPath"], told)
                return str(rule["Next"])
        raise
    if "ResultSelector" in state:
        answer = fill(state["ResultSelector"], answer)
    run.data = put(run.data, state.get("ResultPath", "$"), answer)
    return str(state["Next"])


def _answer(name: str, script: dict[str, Any], given: Any) -> Any:
    if name not in script:
        msg = f"nobody said what {name} answers"
        raise AssertionError(msg)
    answer = script[name]
    if isinstance(answer, list):
        answer = answer.pop(0) if len(answer) > 1 else answer[0]
    if isinstance(answer, Failure):
        raise answer
    return copy.deepcopy(answer(given) if callable(answer) else answer)


def _input(state: dict[str, Any], data: Any) -> Any:
    taken = path(state.get("InputPath", "$"), data)
    return fill(state["Parameters"], taken) if "Parameters" in state else taken


def fill(template: Any, data: Any) -> Any:
    """Parameters and ResultSelector: `key.$` is a path."""
    if isinstance(template, dict):
        return {
            key.removesuffix(".$"): path(value, data) if key.endswith(".$") else fill(value, data)
            for key, value in template.items()
        }
    return template


def path(reference: str, data: Any) -> Any:
    """A reference path; one into the context object answers by its own name."""
    if reference.startswith("$$."):
        return f"<{reference}>"
    if reference.startswith("States.Format("):
        template, _, rest = reference.removeprefix("States.Format('").removesuffix(")").partition("', ")
        return template.format(*(path(each.strip(), data) for each in rest.split(",")))
    if reference.startswith("States.StringToJson("):
        return json.loads(path(reference.removeprefix("States.StringToJson(").removesuffix(")"), data))
    value = data
    for key in reference.removeprefix("$").strip(".").split(".") if reference != "$" else ():
        value = value[key]
    return copy.deepcopy(value)


def put(data: Any, where: str, value: Any) -> Any:
    if where == "$":
        return value
    key, *rest = where.removeprefix("$.").split(".")
    return {**data, key: put(data.get(key, {}), ".".join(["$", *rest]), value) if rest else value}


def holds(rule: dict[str, Any], data: Any) -> bool:
    """A rule of a Choice."""
    for operator, reduce in (("And", all), ("Or", any)):
        if operator in rule:
            return reduce(holds(each, data) for each in rule[operator])
    if "Not" in rule:
        return not holds(rule["Not"], data)
    try:
        value = path(rule["Variable"], data)
    except (KeyError, TypeError):
        value, missing = None, True
    else:
        missing = False
    if "IsPresent" in rule:
        return rule["IsPresent"] is not missing
    if missing:
        msg = f"{rule['Variable']} is not there: Step Functions would end the execution here"
        raise AssertionError(msg)
    if "IsString" in rule:
        return rule["IsString"] is isinstance(value, str)
    if "StringMatches" in rule:
        return fnmatch.fnmatchcase(value, rule["StringMatches"])
    (wanted,) = (rule[key] for key in ("BooleanEquals", "StringEquals", "NumericEquals") if key in rule)
    return bool(value == wanted)
