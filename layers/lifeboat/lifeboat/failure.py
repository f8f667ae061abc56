"""Why a machine failed, in words that an operator can act on.

Step Functions wraps causes: a Lambda's is JSON with a stack trace, a nested execution's is JSON that holds the failed
execution with *its* cause. What people see at the end is the innermost error and message, and what to do next.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_DEEPEST = 8
_LONGEST = 4000  # characters; Step Functions takes 32 KiB

STAGES = {
    "untouched": "nothing was changed; once the reason is gone, start again",
    "unseen": (
        "this start changed nothing; if an earlier start of operation {operation} paused the source, it still is: once "
        "the reason is gone, start again with operationId {operation}"
    ),
    "source": (
        "the destination does not own the hosted cluster and the source runs as it did; once the reason is gone, start "
        "again"
    ),
    "destination": (
        "the destination owns the hosted cluster: never resume the source, its data are older. Look at the "
        "HostedCluster at the destination, mend what is named here, then start again with the same operationId"
    ),
    "putBack": (
        "the destination does not own the hosted cluster, and what had been cut of the source was put back; once the "
        "reason is gone, start again, without unreachableSource if the source answers"
    ),
    "cut": (
        "the destination does not own the hosted cluster, and the source is not as it was: cut-01.json of the "
        "operation holds targets, names and protections as they were. Start again with operationId {operation}, or put "
        "them back by hand"
    ),
    "teardown": (
        "the destination serves the hosted cluster, only its remains at the source are left: start `teardown` again "
        "with the same operationId and the restoreExecution of this recovery; until then scale nothing up at the source"
    ),
    "report": "the move itself is complete; only its report or its lease is not as it should be",
    "unknown": (
        "it could not be seen whether the destination owns the hosted cluster, so the source stays stopped: look for "
        "the HostedCluster at the destination; if it is there, never resume the source. Start again with the same "
        "operationId"
    ),
    "resume": (
        "and the source could not be resumed: set spec.pausedUntil of its HostedCluster and NodePools back and scale "
        "Deployment control-plane-operator up; evidence/source.json of the backup holds the values. NodePools with the "
        "annotation lifeboat/auto-repair still have autoRepair off: once their nodes are back, start again with the "
        "same operationId, or set it and remove the annotation"
    ),
    "superseded": "a newer execution works on this hosted cluster: follow that one",
}
"""What is true, and to be done, by how far the recovery got."""


def explain(data: Mapping[str, Any]) -> dict[str, str]:
    """`{Error, Cause}` for a Fail state: the innermost failure, what went wrong on the way back, the stage's remedy.

    From the machine's data: `failure`, `stage`, and `resumeFailure` or `lookFailure`.
    """
    error, cause = _of(data.get("failure"))
    for later in ("resumeFailure", "lookFailure"):
        if later in data:
            cause = f"{cause}; then {': '.join(_of(data[later]))}"
    remedy = STAGES[data["stage"]].format(operation=(data.get("operation") or {}).get("id"))
    return {"Error": error, "Cause": f"{cause[:_LONGEST]} -- {remedy}"}


def _of(failure: Mapping[str, Any] | None) -> tuple[str, str]:
    failure = failure or {}
    return innermost(str(failure.get("Error", "States.Unknown")), str(failure.get("Cause", "")))


def innermost(error: str, cause: str) -> tuple[str, str]:
    """Unwrap the failures of Lambda (`errorType`, `errorMessage`) and of nested executions (`Error`, `Cause`)."""
    for _ in range(_DEEPEST):
        try:
            inner = json.loads(cause)
        except ValueError:
            return error, _plain(cause)
        if not isinstance(inner, dict):
            break
        if "errorMessage" in inner:
            return str(inner.get("errorType") or error), str(inner["errorMessage"])
        if "Status" not in inner and "Error" not in inner:
            break
        error = str(inner.get("Error") or inner.get("Status") or error)
        cause = str(
            inner.get("Cause") or f"execution {inner.get('ExecutionArn', '?')} ended {inner.get('Status', '?')}"
        )
    return error, cause


def _plain(text: str) -> str:
    """A sentence of a machine that quotes Lambda's document: the document's message in its place."""
    decoder, told, position = json.JSONDecoder(), "", 0
    while (start := text.find('{"', position)) >= 0:
        try:
            document, end = decoder.raw_decode(text, start)
        except ValueError:
            document, end = {}, start + 1
        message = document.get("errorMessage")
        told += text[position:start] + (str(message) if message else text[start:end])
        position = end
    return told + text[position:]
