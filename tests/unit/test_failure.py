import json

import pytest

from lifeboat import failure


def test_a_functions_failure_is_told_by_its_message():
    cause = json.dumps({"errorMessage": "etcd is ill", "errorType": "SnapshotFailedError", "stackTrace": ["..."]})
    assert failure.innermost("SnapshotFailedError", cause) == ("SnapshotFailedError", "etcd is ill")


def test_a_nested_executions_failure_is_told_by_what_failed_in_it():
    lambda_cause = json.dumps({"errorMessage": "no Node in us-east-2c", "errorType": "PreflightError"})
    cause = json.dumps({"ExecutionArn": "arn", "Status": "FAILED", "Error": "PreflightError", "Cause": lambda_cause})
    assert failure.innermost("States.TaskFailed", cause) == ("PreflightError", "no Node in us-east-2c")


def test_an_aborted_nested_execution_is_named():
    cause = json.dumps({"ExecutionArn": "arn:x", "Status": "ABORTED"})
    assert failure.innermost("States.TaskFailed", cause) == ("ABORTED", "execution arn:x ended ABORTED")


def test_what_a_machine_quotes_of_lambda_is_told_by_its_message():
    documents = [json.dumps({"errorMessage": each, "errorType": "E", "stackTrace": ["x"]}) for each in ("one", "two")]
    cause = f"not all taken back (E, {documents[0]}). The failure before it was {documents[1]}"
    assert failure.innermost("E", cause) == ("E", "not all taken back (E, one). The failure before it was two")


@pytest.mark.parametrize("cause", ["", "plain words", "[1]", '{"other": 1}', 'a {"b": 1} and {"c', 'x {" y'])
def test_other_causes_stay_as_they_are(cause):
    assert failure.innermost("States.Timeout", cause) == ("States.Timeout", cause)


def test_the_remedy_follows_the_reason():
    told = failure.explain(
        {"failure": {"Error": "VerificationError", "Cause": "two cluster ids"}, "stage": "destination"}
    )
    assert told["Error"] == "VerificationError"
    assert told["Cause"].startswith(
        "two cluster ids -- the destination owns the hosted cluster: never resume the source"
    )


def test_a_failed_way_back_is_told_beside_the_first_reason():
    data = {
        "failure": {"Error": "FenceUnprovenError", "Cause": "names are there"},
        "resumeFailure": {"Error": "ApiUnavailableError", "Cause": "mgmt-1 does not answer"},
        "stage": "resume",
    }
    cause = failure.explain(data)["Cause"]
    assert "names are there; then ApiUnavailableError: mgmt-1 does not answer" in cause
    assert "pausedUntil" in cause


def test_a_start_that_saw_nothing_names_the_operation_to_go_on_with():
    told = failure.explain(
        {"failure": {"Error": "ApiUnavailableError", "Cause": "{}"}, "stage": "unseen", "operation": {"id": "op-1"}}
    )
    assert told["Cause"].endswith("start again with operationId op-1")
