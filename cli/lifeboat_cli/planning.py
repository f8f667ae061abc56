"""`lifeboat plan`: what an operation would do, and what stands against it, before anybody starts it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

from lifeboat_cli.stack import Stack, StackError

OPERATION = "plan"
_SEVERITIES = {"blocks": "BLOCKS", "approve": "APPROVE", "note": "note"}


def show(stack: Stack, kind: str, given: Mapping[str, Any], *, as_json: bool) -> int:
    """Ask for a plan and print it; 0 when nothing stands against it, 1 otherwise."""
    plan = ask(stack, kind, given)
    print(json.dumps(plan, indent=1) if as_json else "\n".join(lines(plan)))
    return 1 if any(each["severity"] == "blocks" for each in plan["problems"]) else 0


def ask(stack: Stack, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The plan that the stack's function makes. StackError, with its words, when it cannot."""
    from botocore.config import Config  # noqa: PLC0415 - loaded with the client

    client = stack.client("lambda", config=Config(read_timeout=_SECONDS, retries={"max_attempts": 0}))
    payload = {"task": _data(stack, kind, given), "tell": kind}
    answer = client.invoke(FunctionName=f"{stack.name}-make-plan", Payload=json.dumps(payload).encode())
    told = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        msg = f"no plan could be made: {told.get('errorMessage') or told.get('errorType') or 'the function failed'}"
        raise StackError(msg)
    plan: dict[str, Any] = told
    return plan


_SECONDS = 200
"""Longer than the function may take."""


def _data(stack: Stack, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A machine's data as its first state would lay them out, by an operation that nobody starts."""
    now = stack.now()
    operation = {"id": given.get("operationId") or OPERATION, "epoch": 0, "execution": f"lifeboat plan {kind}"}
    data = {key: value for key, value in given.items() if value is not None and key not in {"operationId", "backupId"}}
    if kind == "restore":
        data["backup"] = {"backupId": given.get("backupId") or "latest"}
    if kind != "teardown":
        data.setdefault("etcdRestore", "volumes")
    return {"operation": operation, "startedAt": now, **data}


def lines(plan: Mapping[str, Any]) -> list[str]:
    """The plan in lines: what it rests on, its writes by step, what stands against it, its digest."""
    hosted = plan["hostedCluster"]
    found = [f"{plan['kind']} of {hosted['namespace']}/{hosted['name']}", *(f"  {each}" for each in plan["facts"])]
    for step, group in itertools.groupby(plan["writes"], lambda each: each["step"]):
        found += ["", step, *table(list(group))]
    if plan["writes"]:
        counts = ", ".join(f"{number} {what}" for what, number in plan["counts"].items())
        found += ["", f"{len(plan['writes'])} writes: {counts}"]
    if plan["problems"]:
        found += ["", "What stands against it, or has to be known:"]
        found += [
            f"  {_SEVERITIES[each['severity']]:<7}  {each['told']}  ({each['step']})" for each in plan["problems"]
        ]
    blocking = sum(each["severity"] == "blocks" for each in plan["problems"])
    verdict = f"NOT FIT: {blocking} problem(s)" if blocking else f"fit; digest {plan['digest']}"
    return [*found, "", verdict]


def table(writes: list[Mapping[str, Any]]) -> list[str]:
    """The writes of one step in columns."""
    rows = [
        (
            each["on"],
            each["verb"],
            each["kind"],
            "/".join(part for part in (each["namespace"], each["name"]) if part),
            "; ".join(part for part in (each["what"], f"only if {each['when']}" if each.get("when") else "") if part),
        )
        for each in writes
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        "  " + "  ".join([*(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)), row[4]]).rstrip()
        for row in rows
    ]
