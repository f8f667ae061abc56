"""Where a secret may never stand: logs, audit logs, execution histories, events, the list of AWS calls."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any

from sandbox.client import EVENTS
from sandbox.plan import Plan
from sandbox.proof.clients import client_of


def needles(plan: Plan) -> list[str]:
    """Texts that must not leak: the canary in the hosted cluster's secrets, signatures of URLs, tokens."""
    canary = (plan.run / "canary.txt").read_text(encoding="utf-8").strip()
    return [
        canary,
        base64.b64encode(canary.encode()).decode().rstrip("="),
        "X-Amz-Signature=",
        *(cluster.admin_token for cluster in plan.management_clusters),
    ]


def leaks(plan: Plan, stepfunctions: Any, wanted: Sequence[str]) -> list[str]:
    """Every place that holds one of the texts, told without the text."""
    return [
        f"{place} (text {number + 1})"
        for place, text in _places(plan, stepfunctions)
        for number, needle in enumerate(wanted)
        if needle in text
    ]


def _places(plan: Plan, stepfunctions: Any) -> Iterator[tuple[str, str]]:
    for path in sorted(plan.logs.rglob("*")):
        if path.is_file():
            yield f"log {path.relative_to(plan.logs)}", path.read_text(encoding="utf-8", errors="replace")
    yield "aws calls", plan.aws_calls.read_text(encoding="utf-8", errors="replace")
    for machine in stepfunctions.list_state_machines()["stateMachines"]:
        pages = stepfunctions.get_paginator("list_executions").paginate(stateMachineArn=machine["stateMachineArn"])
        for execution in (each for page in pages for each in page["executions"]):
            yield f"history of {execution['name']}", _history(stepfunctions, execution["executionArn"])
    for cluster in plan.management_clusters:
        yield f"events of {cluster.name}", json.dumps(client_of(cluster).list(EVENTS))


def _history(stepfunctions: Any, arn: str) -> str:
    described = stepfunctions.describe_execution(executionArn=arn)
    pages = stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    return json.dumps([described, events], default=str)
