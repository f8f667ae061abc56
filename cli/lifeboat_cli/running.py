"""Start executions, follow them, answer their questions."""

from __future__ import annotations

import argparse
import json
from typing import Any

from lifeboat.failure import innermost
from lifeboat.model import BACKUP_ID
from lifeboat_cli.follow import Outcome, follow
from lifeboat_cli.progress import Progress
from lifeboat_cli.stack import Stack, StackError


def hosted_cluster(text: str) -> dict[str, str]:
    """`NAMESPACE/NAME` as executions take it."""
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name):
        msg = f"{text!r} is not NAMESPACE/NAME of a HostedCluster"
        raise argparse.ArgumentTypeError(msg)
    return {"namespace": namespace, "name": name}


def backup_id(text: str) -> str:
    """The id of a backup, as `lifeboat backups` tells it."""
    if not BACKUP_ID.fullmatch(text):
        msg = f"{text!r} is no backup id: `lifeboat backups` lists them"
        raise argparse.ArgumentTypeError(msg)
    return text


def start(stack: Stack, kind: str, given: dict[str, Any], *, name: str | None, watch: bool) -> int:
    """Start a machine; what was not given is left to its defaults. Returns the exit code."""
    client = stack.client("stepfunctions")
    chosen = {key: value for key, value in given.items() if value is not None}
    named = {"name": name} if name else {}
    answer = client.start_execution(stateMachineArn=stack.machine(kind), input=json.dumps(chosen), **named)
    print(answer["executionArn"])
    return watch_execution(stack, answer["executionArn"]) if watch else 0


def watch_execution(stack: Stack, execution: str) -> int:
    """Follow an execution to its end; 0 when it succeeded."""
    outcome = follow(stack.client("stepfunctions"), stack.execution(execution), Progress())
    print(tell(outcome))
    return 0 if outcome.succeeded else 1


def tell(outcome: Outcome) -> str:
    """The end of an execution in words."""
    if outcome.succeeded:
        return json.dumps(outcome.output, indent=1, sort_keys=True)
    error, cause = innermost(outcome.error or "", outcome.cause or "")
    return f"{outcome.status}: {error}\n{cause}".rstrip()


def answer(stack: Stack, execution: str, *, approve: bool, reason: str | None) -> int:
    """Approve or reject a recovery that waits. The token is used once and then gone."""
    arn = stack.execution(execution)
    dynamodb, client = stack.client("dynamodb"), stack.client("stepfunctions")
    key = {"hostedCluster": {"S": f"approval#{arn}"}}
    item = dynamodb.get_item(TableName=stack.lease_table, Key=key, ConsistentRead=True).get("Item")
    if item is None:
        msg = f"nothing waits for an approval at {arn}: was it answered, or is it not that far?"
        raise StackError(msg)
    token = item["token"]["S"]
    who = str(stack.client("sts").get_caller_identity()["Arn"])
    if approve:
        client.send_task_success(taskToken=token, output=json.dumps({"by": who, "reason": reason or ""}))
    else:
        cause = f"rejected by {who}: {reason or 'no reason given'}; nothing was changed"
        client.send_task_failure(taskToken=token, error="ApprovalRejected", cause=cause)
    dynamodb.delete_item(TableName=stack.lease_table, Key=key)
    print("approved" if approve else "rejected")
    return 0
