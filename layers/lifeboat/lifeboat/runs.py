"""When an operation and its nested executions ran: one operation may span several starts, each with new executions."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from lifeboat.model import started_at


def beginning(data: Mapping[str, Any], backup_id: str) -> str:
    """When the operation began (RFC 3339, UTC): the earliest of this start, its backup's and the one that fenced.

    From a machine's data: `startedAt`, and `pointOfNoReturn.startedAt` where an earlier start got as far as the fence.
    The backup from which an unreachable source is recovered was another operation's.
    """
    fenced = (data.get("pointOfNoReturn") or {}).get("startedAt")
    told = [datetime.datetime.fromisoformat(each) for each in (data["startedAt"], fenced) if each]
    saved = [] if "unreachableSource" in data else [started_at(backup_id)]
    return min([*told, *saved]).astimezone(datetime.UTC).isoformat(timespec="seconds")


def nested(run: Mapping[str, Any] | None) -> dict[str, Any]:
    """Execution, start and end of a nested execution; empty when it is not known which one it was."""
    if not run or not run.get("execution"):
        return {}
    return {"execution": run["execution"], **{key: _time(run.get(key)) for key in ("startedAt", "stoppedAt")}}


def _time(told: Any) -> str | None:
    """A time as `startExecution.sync:2` tells it: milliseconds since the epoch; text stays as it is."""
    if isinstance(told, (int, float)):
        return datetime.datetime.fromtimestamp(told / 1000, datetime.UTC).isoformat(timespec="seconds")
    return str(told) if told else None
