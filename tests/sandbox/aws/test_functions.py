"""Functions run outside the AWS process, in environments of their own."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sandbox.aws.deploy import DeployedStack
from sandbox.aws.functions import faults
from sandbox.aws.functions.faults import Fault

from .conftest import Aws


def _invoke(aws: Aws, function: str, event: dict[str, Any]) -> tuple[Any, str | None]:
    answer = aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")


def test_a_function_sees_its_code_its_layers_and_nothing_of_the_sandbox(aws: Aws, stack: DeployedStack) -> None:
    seen, _ = _invoke(aws, "sample-echo", {"inspect": True})
    assert seen["modules"] == []
    assert "/python/sample_layer/" in seen["layer"]
    assert seen["pid"] != aws.process.pid
    assert seen["arn"].endswith(":function:sample-echo")
    assert 0 < seen["remaining"] <= 5000
    allowed = ("AWS_", "LAMBDA_", "PYTHON", "_", "LC_CTYPE")
    rest = [name for name in seen["variables"] if not name.startswith(allowed)]
    assert rest == ["BUCKET", "DAYS", "LANG", "PATH", "SSL_CERT_FILE", "TMPDIR", "TZ"]  # whom to trust, as anywhere


def test_a_warm_process_is_reused(aws: Aws, stack: DeployedStack) -> None:
    first, _ = _invoke(aws, "sample-echo", {"inspect": True})
    second, _ = _invoke(aws, "sample-echo", {"inspect": True})
    assert first["pid"] == second["pid"]


def test_an_error_carries_its_class_and_message(aws: Aws, stack: DeployedStack) -> None:
    body, error = _invoke(aws, "sample-flaky", {"mode": "broken"})
    assert error == "Unhandled"
    assert (body["errorType"], body["errorMessage"]) == ("PermanentlyBrokenError", "it is broken")


def test_a_crash_is_told_and_the_next_event_gets_a_new_process(aws: Aws, stack: DeployedStack) -> None:
    body, error = _invoke(aws, "sample-flaky", {"mode": "exit"})
    assert (body["errorType"], error) == ("Runtime.ExitError", "Unhandled")
    assert _invoke(aws, "sample-flaky", {"mode": "calm"}) == ({"calls": 1}, None)


def test_a_function_that_takes_too_long_is_killed(aws: Aws, stack: DeployedStack) -> None:
    body, _ = _invoke(aws, "sample-flaky", {"mode": "sleep"})
    assert body["errorType"] == "Sandbox.Timedout"


def test_a_held_answer_comes_once_it_is_released(aws: Aws, stack: DeployedStack) -> None:
    faults.plant(aws.plan, Fault("sample-echo", "held"))
    with ThreadPoolExecutor(1) as beside:
        asked = beside.submit(_invoke, aws, "sample-echo", {"inspect": True})
        deadline = time.monotonic() + 60
        while not faults.held(aws.plan) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert faults.held(aws.plan) == ["sample-echo"]
        assert not asked.done()
        faults.release(aws.plan)
        answer, error = asked.result(10)
    assert error is None
    assert answer["arn"].endswith(":function:sample-echo")
    assert faults.held(aws.plan) == faults.planted(aws.plan) == []


def test_a_late_invocation_does_its_work_once_it_is_released(aws: Aws, stack: DeployedStack) -> None:
    _invoke(aws, "sample-flaky", {"mode": "calm"})
    faults.plant(aws.plan, Fault("sample-flaky", "late"))
    with ThreadPoolExecutor(1) as beside:
        late = beside.submit(_invoke, aws, "sample-flaky", {"mode": "calm"})
        deadline = time.monotonic() + 60
        while not faults.held(aws.plan) and time.monotonic() < deadline:
            time.sleep(0.05)
        twin, _ = _invoke(aws, "sample-flaky", {"mode": "calm"})
        faults.release(aws.plan)
        assert late.result(10)[0]["calls"] == twin["calls"] + 1
    _invoke(aws, "sample-flaky", {"mode": "exit"})  # others count calls from 1


def test_a_process_can_be_cut_off_in_the_middle_of_its_work(aws: Aws, stack: DeployedStack) -> None:
    _invoke(aws, "sample-flaky", {"mode": "calm"})
    faults.plant(aws.plan, Fault("sample-flaky", "cut", skip=1, seconds=0.2))
    assert _invoke(aws, "sample-flaky", {"mode": "calm"})[1] is None
    started = time.monotonic()
    body, error = _invoke(aws, "sample-flaky", {"mode": "sleep"})
    assert (body["errorType"], error) == ("Runtime.ExitError", "Unhandled")
    assert time.monotonic() - started < 0.9  # it may take a second
    assert faults.planted(aws.plan) == []
    assert _invoke(aws, "sample-flaky", {"mode": "calm"}) == ({"calls": 1}, None)


def test_output_reaches_cloudwatch_logs_and_a_file(aws: Aws, stack: DeployedStack) -> None:
    _invoke(aws, "sample-echo", {"word": "findable"})
    deadline = time.monotonic() + 5
    messages: list[str] = []
    while not any("findable" in each for each in messages) and time.monotonic() < deadline:
        events = aws.client("logs").filter_log_events(logGroupName="/aws/lambda/sample-echo")["events"]
        messages = [event["message"] for event in events]
    assert any("findable" in each for each in messages)
    assert "findable" in (aws.plan.logs / "functions" / "sample-echo.log").read_text()


def test_functions_resolve_names_by_the_sandbox_alone(aws: Aws, stack: DeployedStack) -> None:
    seen, _ = _invoke(aws, "sample-echo", {"resolve": "lb-127-9-8-7.elb.us-east-2.amazonaws.example"})
    assert seen == {"address": "127.9.8.7"}
    body, error = _invoke(aws, "sample-echo", {"resolve": "nowhere.hosted.example.com"})
    assert (error, body["errorType"]) == ("Unhandled", "gaierror")
