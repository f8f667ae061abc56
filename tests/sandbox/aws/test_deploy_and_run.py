"""The sample template, deployed and run as ours will be."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from sandbox.aws.deploy import DeployedStack
from sandbox.aws.functions import faults
from sandbox.aws.functions.faults import Fault

from .conftest import Aws


@pytest.fixture(scope="module")
def run(aws: Aws, stack: DeployedStack) -> dict[str, Any]:
    """One execution of the parent, approved, and its history."""
    states, dynamodb = aws.client("stepfunctions"), aws.client("dynamodb")
    arn = states.start_execution(
        stateMachineArn=stack.state_machines["parent"], name="first", input=json.dumps({"items": [{"n": 1}, {"n": 2}]})
    )["executionArn"]
    approved = refused = False
    deadline = time.monotonic() + 40
    while (described := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline, states.get_execution_history(executionArn=arn)["events"][-1]
        if not approved:
            item = dynamodb.get_item(TableName="sample-leases", Key={"pk": {"S": "token"}}).get("Item")
            if item:
                states.send_task_heartbeat(taskToken=item["token"]["S"])
                states.send_task_success(taskToken=item["token"]["S"], output='{"by": "me"}')
                approved = True
        log = aws.plan.logs / "functions" / "sample-echo.log"
        asked = re.search("'answerTo': '([^']+)'", log.read_text() if log.exists() else "")
        if asked and not refused:
            states.send_task_failure(taskToken=asked[1], error="RefusedError", cause="not today")
            refused = True
        time.sleep(0.1)
    output = json.loads(described.get("output", "null"))
    return {"arn": arn, "output": output, "described": described}


def test_the_whole_machine_succeeds(run: dict[str, Any]) -> None:
    assert run["described"]["status"] == "SUCCEEDED", run["described"]


def test_a_custom_error_is_retried_in_the_same_warm_process(run: dict[str, Any]) -> None:
    assert run["output"]["flaky"] == {"calls": 3}


def test_a_custom_error_is_caught_by_its_class_name(run: dict[str, Any]) -> None:
    broken = run["output"]["broken"]
    assert broken["Error"] == "PermanentlyBrokenError"
    assert json.loads(broken["Cause"])["errorMessage"] == "it is broken"


def test_a_nested_execution_returns_its_output_as_json(run: dict[str, Any]) -> None:
    child = run["output"]["both"][0]
    assert child["Output"]["echoed"] == [{"n": 1}, {"n": 2}]
    assert child["Name"] == "first-child"
    assert child["Input"]["startedBy"] == run["arn"]
    assert isinstance(child["StartDate"], int)


def test_a_failed_nested_execution_tells_why(run: dict[str, Any]) -> None:
    cause = json.loads(run["output"]["child"]["Cause"])
    assert (cause["Status"], cause["Error"], cause["Cause"]) == ("FAILED", "ChildFailedError", "asked to")


def test_sdk_tasks_read_write_and_fail_by_aws_names(aws: Aws, stack: DeployedStack, run: dict[str, Any]) -> None:
    assert [each["Key"] for each in run["output"]["both"][1]["Contents"]] == ["note.json"]
    note = aws.client("s3").get_object(Bucket=stack.outputs["Bucket"], Key="note.json")["Body"].read()
    assert json.loads(note)["started"].endswith("Z")
    assert run["output"]["missing"]["Error"] == "S3.NoSuchKeyException"


def test_a_task_token_brings_the_answer(run: dict[str, Any]) -> None:
    assert run["output"]["approval"] == {"by": "me"}


def test_a_refused_token_carries_error_and_cause(run: dict[str, Any]) -> None:
    assert run["output"]["refusal"] == {"Error": "RefusedError", "Cause": "not today"}


def test_a_stopped_execution_keeps_its_reason(aws: Aws, stack: DeployedStack) -> None:
    states = aws.client("stepfunctions")
    machine = stack.state_machines["parent"]
    arn = states.start_execution(stateMachineArn=machine, input='{"items": []}')["executionArn"]
    states.stop_execution(executionArn=arn, error="Enough", cause="of this")
    deadline = time.monotonic() + 10
    while (described := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Enough", "of this")


def test_a_stopped_execution_is_over_while_its_task_still_runs(aws: Aws, stack: DeployedStack) -> None:
    """The function goes on, as on AWS; nobody waits for it."""
    states = aws.client("stepfunctions")
    faults.plant(aws.plan, Fault("sample-echo", "late"))
    machine = stack.state_machines["child"]
    arn = states.start_execution(stateMachineArn=machine, input='{"items": [1], "fail": false}')["executionArn"]
    deadline = time.monotonic() + 30
    while not faults.held(aws.plan):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    states.stop_execution(executionArn=arn, error="Enough", cause="of this")
    described = states.describe_execution(executionArn=arn)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Enough", "of this")
    assert faults.held(aws.plan) == ["sample-echo"]
    faults.release(aws.plan)
    time.sleep(0.5)
    assert states.describe_execution(executionArn=arn)["stopDate"] == described["stopDate"]


def test_a_stop_ends_a_wait_for_a_token_past_retry_and_catch(aws: Aws) -> None:
    states, url = aws.client("stepfunctions"), aws.client("sqs").create_queue(QueueName="unanswered")["QueueUrl"]
    waiting = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": url, "MessageBody": {"token.$": "$$.Task.Token"}},
        "TimeoutSeconds": 600,
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 60}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
        "End": True,
    }
    definition = json.dumps({"StartAt": "Ask", "States": {"Ask": waiting, "Caught": {"Type": "Succeed"}}})
    machine = states.create_state_machine(
        name="asking", definition=definition, roleArn="arn:aws:iam::123456789012:role/any"
    )
    arn = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    deadline = time.monotonic() + 10
    while not aws.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"):
        assert time.monotonic() < deadline
    states.stop_execution(executionArn=arn, error="Enough", cause="of this")
    while (described := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Enough", "of this")
    events = [each["type"] for each in states.get_execution_history(executionArn=arn)["events"]]
    assert events[-1] == "ExecutionAborted"
    assert "TaskTimedOut" not in events


def test_a_nested_execution_ends_with_its_parent(aws: Aws, stack: DeployedStack) -> None:
    states = aws.client("stepfunctions")
    role = "arn:aws:iam::123456789012:role/any"

    def machine(name: str, state: dict[str, Any]) -> str:
        definition = json.dumps({"StartAt": "Only", "States": {"Only": {**state, "End": True}}})
        return str(states.create_state_machine(name=name, definition=definition, roleArn=role)["stateMachineArn"])

    child = machine("waiting-child", {"Type": "Wait", "Seconds": 60})
    run_child = {"Resource": "arn:aws:states:::states:startExecution.sync:2", "Parameters": {"StateMachineArn": child}}
    stopped = machine("stopped-parent", {"Type": "Task", **run_child})
    timed_out = machine("late-parent", {"Type": "Task", "TimeoutSeconds": 1, **run_child})
    first = states.start_execution(stateMachineArn=stopped)["executionArn"]
    states.start_execution(stateMachineArn=timed_out)
    deadline = time.monotonic() + 15
    while len(states.list_executions(stateMachineArn=child)["executions"]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    states.stop_execution(executionArn=first)
    while {each["status"] for each in states.list_executions(stateMachineArn=child)["executions"]} != {"ABORTED"}:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_history_is_paged_and_reversed(aws: Aws, run: dict[str, Any]) -> None:
    states = aws.client("stepfunctions")
    page = states.get_execution_history(executionArn=run["arn"], maxResults=2, reverseOrder=True)
    assert page["events"][0]["type"] == "ExecutionSucceeded"
    pages = states.get_paginator("get_execution_history").paginate(executionArn=run["arn"], maxResults=10)
    whole = [event for each in pages for event in each["events"]]
    assert [event["id"] for event in whole] == list(range(1, len(whole) + 1))


def test_the_stack_has_what_the_template_says(aws: Aws, stack: DeployedStack) -> None:
    bucket = stack.outputs["Bucket"]
    s3 = aws.client("s3")
    assert stack.bucket == bucket
    assert stack.event_bus == "sample-bus"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    table = aws.client("dynamodb").describe_table(TableName="sample-leases")["Table"]
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert "NoQueue" not in str(aws.client("sqs").list_queues())
    group = aws.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/sample-echo")["logGroups"][0]
    assert group["retentionInDays"] == 14
    secret = aws.client("secretsmanager").get_secret_value(SecretId="sample/secret")
    assert json.loads(secret["SecretString"]) == {"bucket": bucket}
