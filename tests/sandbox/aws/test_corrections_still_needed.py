"""Tripwires: each shows a fault of uncorrected moto. One that fails says that a correction can go.

The process that runs them never applies the corrections: `python -m sandbox.aws` does, in its own.
"""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.config import default_user_config
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    _SERVICE_ERROR_NAMES,
)
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.utils import TMP_THREADS

TASK_WITH_TOKEN = {
    "Type": "Task",
    "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "Parameters": {"QueueUrl": "", "MessageBody": {"token.$": "$$.Task.Token"}},
    "TimeoutSeconds": 20,
    "End": True,
}


class Moto:
    def __init__(self, url: str) -> None:
        self._url = url

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._url,
            region_name="us-east-2",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def machine(self, name: str, state: dict[str, Any]) -> str:
        return str(
            self.client("stepfunctions").create_state_machine(
                name=name,
                definition=json.dumps({"StartAt": "Only", "States": {"Only": state}}),
                roleArn="arn:aws:iam::123456789012:role/any",
            )["stateMachineArn"]
        )


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(default_user_config, "stepfunctions", {"execute_state_machine": True})
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        patch.setenv("MOTO_PORT", str(port))
        yield Moto(f"http://{host}:{port}")
        server.stop()


def test_parameters_and_responses_are_not_converted() -> None:
    for hook in (StateTaskService._normalise_parameters, StateTaskService._normalise_response):
        assert inspect.getsource(hook).rstrip().endswith("pass")


def test_the_name_of_a_load_balancer_leads_to_no_address_of_the_sandbox(moto: Moto) -> None:
    subnet = moto.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    made = moto.client("elbv2").create_load_balancer(Name="lb-127-9-24-1", Type="network", Subnets=[subnet])
    assert made["LoadBalancers"][0]["DNSName"] == "lb-127-9-24-1-1.us-east-2.elb.amazonaws.com"


def test_the_error_prefix_of_s3_is_unknown() -> None:
    assert "s3" not in _SERVICE_ERROR_NAMES


def test_an_unnamed_execution_is_called_none(moto: Moto) -> None:
    arn = moto.machine("unnamed", {"Type": "Pass", "End": True})
    assert moto.client("stepfunctions").start_execution(stateMachineArn=arn)["executionArn"].endswith(":None")


def test_an_output_that_holds_a_time_cannot_be_described(moto: Moto) -> None:
    states = moto.client("stepfunctions")
    arn = moto.machine(
        "times", {"Type": "Pass", "Parameters": {"now.$": "$$.Execution.StartTime"}, "ResultPath": "$.x", "End": True}
    )
    execution = states.start_execution(stateMachineArn=arn, name="one")["executionArn"]
    time.sleep(0.5)
    with pytest.raises(ClientError, match="500"):
        states.describe_execution(executionArn=execution)


def test_why_an_execution_was_stopped_is_lost(moto: Moto) -> None:
    states = moto.client("stepfunctions")
    arn = moto.machine("stopped", {"Type": "Wait", "Seconds": 5, "End": True})
    execution = states.start_execution(stateMachineArn=arn, name="one")["executionArn"]
    time.sleep(0.3)
    states.stop_execution(executionArn=execution, error="Enough", cause="of this")
    time.sleep(0.3)
    assert states.describe_execution(executionArn=execution).get("cause") in (None, "")


def test_a_stop_ends_no_wait_for_a_token_and_does_not_stand(moto: Moto) -> None:
    states, url = moto.client("stepfunctions"), moto.client("sqs").create_queue(QueueName="ask")["QueueUrl"]
    parameters = {**TASK_WITH_TOKEN["Parameters"], "QueueUrl": url}  # type: ignore[dict-item]
    arn = moto.machine("asking", {**TASK_WITH_TOKEN, "Parameters": parameters, "TimeoutSeconds": 3})
    execution = states.start_execution(stateMachineArn=arn, name="one")["executionArn"]
    time.sleep(0.5)
    states.stop_execution(executionArn=execution)
    time.sleep(0.5)
    assert states.describe_execution(executionArn=execution)["status"] == "RUNNING"
    time.sleep(3)
    assert states.describe_execution(executionArn=execution)["status"] == "FAILED"


def test_histories_are_not_paged(moto: Moto) -> None:
    states = moto.client("stepfunctions")
    arn = moto.machine("paged", {"Type": "Pass", "End": True})
    execution = states.start_execution(stateMachineArn=arn, name="one")["executionArn"]
    time.sleep(0.3)
    assert len(states.get_execution_history(executionArn=execution, maxResults=1)["events"]) > 1


def test_heartbeats_are_refused_and_causes_dropped(moto: Moto) -> None:
    states, sqs = moto.client("stepfunctions"), moto.client("sqs")
    url = sqs.create_queue(QueueName="tokens")["QueueUrl"]
    state = {**TASK_WITH_TOKEN, "Parameters": {**TASK_WITH_TOKEN["Parameters"], "QueueUrl": url}}  # type: ignore[dict-item]
    execution = states.start_execution(stateMachineArn=moto.machine("token", state), name="one")["executionArn"]
    messages: list[Any] = []
    deadline = time.monotonic() + 10
    while not messages and time.monotonic() < deadline:
        messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
    token = json.loads(messages[0]["Body"])["token"]
    with pytest.raises(ClientError):
        states.send_task_heartbeat(taskToken=token)
    states.send_task_failure(taskToken=token, error="Refused", cause="by me")
    time.sleep(0.5)
    described = states.describe_execution(executionArn=execution)
    assert (described["error"], described.get("cause")) == ("Refused", None)


def test_definitions_are_parsed_again_for_each_start_and_threads_pile_up(moto: Moto) -> None:
    assert "cache" not in inspect.getsource(AmazonStateLanguageParser)
    assert any(not thread.is_alive() for thread in TMP_THREADS)


def test_events_to_topics_fail(moto: Moto) -> None:
    events = moto.client("events")
    topic = moto.client("sns").create_topic(Name="topic")["TopicArn"]
    events.put_rule(Name="rule", EventPattern='{"source": ["me"]}')
    events.put_targets(Rule="rule", Targets=[{"Id": "topic", "Arn": topic}])
    with pytest.raises(ClientError, match="500"):
        events.put_events(Entries=[{"Source": "me", "DetailType": "it", "Detail": "{}"}])


def test_a_wrong_signature_is_an_answer_and_not_an_error(moto: Moto) -> None:
    kms = moto.client("kms")
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    request = {"KeyId": key, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(Message=b"d" * 32, **request)["Signature"]
    assert kms.verify(Message=b"e" * 32, Signature=signature, **request)["SignatureValid"] is False
    assert kms.verify(Message=b"short", Signature=kms.sign(Message=b"short", **request)["Signature"], **request)


def test_route53_refuses_to_create_a_deleted_record_again(moto):
    route53 = moto.client("route53")
    zone = route53.create_hosted_zone(Name="again.example.com", CallerReference="again")["HostedZone"]["Id"]

    def change(action):
        value = {"Name": "a.again.example.com", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "127.0.0.1"}]}
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": value}]}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)

    other = {"Name": "b.again.example.com", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "127.0.0.1"}]}
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": other}]}
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)
    change("CREATE")
    change("DELETE")
    with pytest.raises(ClientError, match="already exists"):
        change("CREATE")
