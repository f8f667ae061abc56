import datetime
import io
import json
from typing import Any

from lifeboat_cli.follow import StepEvent, What, follow
from lifeboat_cli.progress import Progress

START = datetime.datetime(2026, 11, 3, 10, 0, tzinfo=datetime.UTC)
OUTER = "arn:aws:states:us-east-2:123456789012:execution:lifeboat-recover:one"
INNER = "arn:aws:states:us-east-2:123456789012:execution:lifeboat-backup:two"


class StepFunctions:
    """Executions whose histories grow by one event with each look at the outer one."""

    def __init__(self, histories: dict[str, list[dict[str, Any]]]) -> None:
        self.histories = histories
        self.looks = 0

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        self.looks += 1
        over = self.looks > len(self.histories[OUTER])
        return {"status": "SUCCEEDED" if over else "RUNNING", **({"output": '{"backupId": "b"}'} if over else {})}

    def get_execution_history(self, *, executionArn: str, maxResults: int, nextToken: str = "0") -> dict[str, Any]:  # noqa: N803
        page = int(nextToken)
        there = self.histories[executionArn][: self.looks]
        events = there[page * 2 : page * 2 + 2]
        more = {"nextToken": str(page + 1)} if len(there) > page * 2 + 2 else {}
        return {"events": events, **more}


def an_event(number: int, kind: str, previous: int | None = None, **details: Any) -> dict[str, Any]:
    held = {"stateEnteredEventDetails" if "Entered" in kind else "taskEventDetails": details} if details else {}
    at = START + datetime.timedelta(seconds=number)
    return {
        "id": number,
        "type": kind,
        "timestamp": at,
        "previousEventId": number - 1 if previous is None else previous,
        **held,
    }


def run(histories: dict[str, list[dict[str, Any]]]) -> list[StepEvent]:
    events: list[StepEvent] = []
    outcome = follow(StepFunctions(histories), OUTER, events.append, sleep=lambda _: None)
    assert outcome.succeeded
    assert outcome.output == {"backupId": "b"}
    return events


TASK = [
    an_event(1, "ExecutionStarted"),
    an_event(2, "TaskStateEntered", name="CleanUpDns"),
    an_event(3, "LambdaFunctionScheduled"),
    an_event(4, "LambdaFunctionFailed", error="ApiUnavailableError"),
    an_event(5, "LambdaFunctionScheduled"),
    an_event(6, "LambdaFunctionSucceeded", output='{"routes": 4}'),
    an_event(7, "TaskStateExited"),
    an_event(8, "ExecutionSucceeded"),
]


def test_a_step_is_told_when_it_is_entered_tried_again_and_left():
    events = run({OUTER: TASK})
    assert [(each.state, each.event, each.error) for each in events] == [
        ("CleanUpDns", What.ENTERED, None),
        ("CleanUpDns", What.RETRIED, "ApiUnavailableError"),
        ("CleanUpDns", What.SUCCEEDED, None),
    ]
    assert (events[-1].duration, events[-1].answer, events[-1].machine) == (5.0, {"routes": 4}, "lifeboat-recover")


def test_a_step_that_fails_for_good_is_told_with_its_error():
    history = [*TASK[:4], an_event(5, "TaskStateExited"), an_event(6, "ExecutionSucceeded")]
    assert (run({OUTER: history})[-1].event, run({OUTER: history})[-1].error) == (What.FAILED, "ApiUnavailableError")


def test_steps_of_a_nested_execution_are_told_before_the_step_that_ran_it_ends():
    outer = [
        an_event(1, "ExecutionStarted"),
        an_event(2, "TaskStateEntered", name="RunBackup"),
        an_event(3, "TaskScheduled"),
        an_event(4, "TaskSubmitted", output=json.dumps({"ExecutionArn": INNER})),
        an_event(5, "TaskSucceeded", output="{}"),
        an_event(6, "TaskStateExited"),
        an_event(7, "ExecutionSucceeded"),
    ]
    inner = [
        an_event(1, "ExecutionStarted"),
        an_event(2, "PassStateEntered", name="DescribeBackup"),
        *(an_event(number, "Irrelevant") for number in range(3, 6)),
        an_event(6, "PassStateExited", 5),  # comes with the same look as the outer step's end
    ]
    told = [(each.machine, each.state, each.event, each.depth) for each in run({OUTER: outer, INNER: inner})]
    assert told == [
        ("lifeboat-recover", "RunBackup", What.ENTERED, 0),
        ("lifeboat-backup", "DescribeBackup", What.ENTERED, 1),
        ("lifeboat-backup", "DescribeBackup", What.SUCCEEDED, 1),
        ("lifeboat-recover", "RunBackup", What.SUCCEEDED, 0),
    ]


def test_branches_that_run_at_once_are_kept_apart():
    history = [
        an_event(1, "ExecutionStarted"),
        an_event(2, "TaskStateEntered", name="StartSnapshot"),
        an_event(3, "TaskStateEntered", 1, name="ExportManifests"),
        an_event(4, "LambdaFunctionFailed", 3, error="ConflictError"),
        an_event(5, "TaskStateExited", 2),
        an_event(6, "TaskStateExited", 4),
    ]
    ends = {each.state: each.event for each in run({OUTER: history})}
    assert ends == {"StartSnapshot": What.SUCCEEDED, "ExportManifests": What.FAILED}


def test_a_wait_is_printed_once_per_reason_and_with_its_whole_time():
    out = io.StringIO()
    progress = Progress(out)
    for second, waiting_for in ((2, "3 pods"), (5, "3 pods"), (8, "1 pod"), (11, "")):
        answer = {"done": not waiting_for, "waitingFor": waiting_for}
        at = START + datetime.timedelta(seconds=second)
        progress(StepEvent("m", "CheckStopped", "Task", What.SUCCEEDED, at, 1.0, 1, INNER, None, answer))
    lines = out.getvalue().splitlines()
    assert [line.split(maxsplit=2)[2] for line in lines] == ["waiting for 3 pods", "waiting for 1 pod", "10.0 s"]
