"""Every handler: who and what on each line, vendors' words nowhere."""

import io
import json

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from lifeboat import runtime
from lifeboat.errors import AwsUnavailableError, LeaseLostError, PreflightError, UnexpectedError
from lifeboat.lease import acquire
from lifeboat.model import HostedClusterRef
from lifeboat.runtime import entry, task
from lifeboat.wiring import Services
from tests.unit.memory import NOW, MemoryExecutions, MemoryLeases

EXECUTION = "arn:aws:states:us-east-2:123456789012:execution:lifeboat-backup:b1"


class Context:
    aws_request_id = "r-1"
    function_name = "lifeboat-pause-source"


@pytest.fixture
def services():
    made = Services()
    made.leases = MemoryLeases()
    acquire(made.leases, MemoryExecutions(), HostedClusterRef("clusters", "blue"), "op-1", EXECUTION, NOW.timestamp())
    return made


def event(epoch=1):
    return {
        "operation": {"id": "op-1", "epoch": epoch, "execution": EXECUTION},
        "hostedCluster": {"namespace": "clusters", "name": "blue"},
    }


@pytest.fixture
def log(monkeypatch):
    """What the Logger wrote: it keeps the stream that it found when it was made."""
    written = io.StringIO()
    monkeypatch.setattr(runtime.logger.registered_handler, "stream", written)
    return written


def lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_each_line_names_hosted_cluster_operation_and_execution(services, log):
    task(services)(lambda _: {"paused": True})(event(), Context())
    logged = lines(log.getvalue())
    assert [line["message"] for line in logged] == ["started", "finished"]
    for line in logged:
        assert (line["hosted_cluster"], line["operation"], line["execution"]) == ("clusters/blue", "op-1", EXECUTION)


def test_a_late_twin_stops_before_its_body_runs(services):
    ran = []
    with pytest.raises(LeaseLostError):
        task(services)(lambda _: ran.append(1) or {})(event(epoch=0), Context())
    assert ran == []


def test_a_task_that_only_looks_needs_no_lease(services):
    assert task(services, guarded=False)(lambda _: {"seen": 1})(event(epoch=0), Context()) == {"seen": 1}


def aws_error(code, status):
    response = {"Error": {"Code": code, "Message": "quotes hush"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PutObject")


@pytest.mark.parametrize(
    ("raised", "becomes"),
    [
        (aws_error("ThrottlingException", 400), AwsUnavailableError),
        (aws_error("InternalError", 500), AwsUnavailableError),
        (ConnectTimeoutError(endpoint_url="https://hush"), AwsUnavailableError),
        (aws_error("AccessDenied", 403), UnexpectedError),
        (KeyError("hush"), UnexpectedError),
        (PreflightError("mgmt-1 has no etcd"), PreflightError),
    ],
    ids=["throttled", "server fault", "no answer", "denied", "a bug", "one of ours"],
)
def test_what_a_library_says_stays_out_of_history_and_log(services, log, raised, becomes):
    def body(_):
        raise raised

    with pytest.raises(becomes) as failed:
        task(services)(body)(event(), Context())
    assert type(failed.value) is becomes
    assert "hush" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert next(line["message"] for line in lines(log.getvalue())) == "started"
    assert "hush" not in log.getvalue()


def test_an_entry_knows_its_execution(log):
    entry(lambda given: {"input": given["input"]})({"input": 1, "execution": {"id": EXECUTION}}, Context())
    assert lines(log.getvalue())[0]["execution"] == EXECUTION


def test_metrics_count_successes_by_function(services, capsys):
    task(services)(lambda _: {})(event(), Context())
    (metric,) = [line for line in lines(capsys.readouterr().out) if "_aws" in line]
    assert metric["Succeeded"] == [1.0]
    assert metric["Function"] == "lifeboat-pause-source"
