"""Services of AWS on which our steps rely simply work."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key

from sandbox.aws.deploy import DeployedStack

from .conftest import Aws


def test_kms_signs_and_verifies(aws: Aws, stack: DeployedStack) -> None:
    kms = aws.client("kms")
    request = {"KeyId": "alias/sample-signing", "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(Message=b"d" * 32, **request)["Signature"]
    assert kms.verify(Message=b"d" * 32, Signature=signature, **request)["SignatureValid"]
    public: Any = load_der_public_key(kms.get_public_key(KeyId="alias/sample-signing")["PublicKey"])
    public.verify(signature, b"d" * 32, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    with pytest.raises(ClientError, match="KMSInvalidSignature"):
        kms.verify(Message=b"e" * 32, Signature=signature, **request)


def test_kms_makes_and_verifies_message_authentication_codes(aws: Aws, stack: DeployedStack) -> None:
    kms = aws.client("kms")
    request = {"KeyId": stack.outputs["MacKey"], "MacAlgorithm": "HMAC_SHA_256"}
    code = kms.generate_mac(Message=b"a record", **request)["Mac"]
    assert kms.verify_mac(Message=b"a record", Mac=code, **request)["MacValid"]
    with pytest.raises(ClientError, match="KMSInvalidMac"):
        kms.verify_mac(Message=b"another", Mac=code, **request)


def test_dynamodb_refuses_a_lease_that_another_holds(aws: Aws, stack: DeployedStack) -> None:
    dynamodb = aws.client("dynamodb")
    request = {"TableName": "sample-leases", "ConditionExpression": "attribute_not_exists(pk) OR epoch < :epoch"}
    item = {"pk": {"S": "clusters/blue"}, "epoch": {"N": "2"}}
    dynamodb.put_item(Item=item, ExpressionAttributeValues={":epoch": {"N": "2"}}, **request)
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamodb.put_item(Item=item, ExpressionAttributeValues={":epoch": {"N": "2"}}, **request)


def test_route53_lists_from_an_exact_name(aws: Aws) -> None:
    route53 = aws.client("route53")
    zone = route53.create_hosted_zone(Name="exact.example.com", CallerReference="exact")["HostedZone"]["Id"]
    for name in ("api-blue", "api-blue-green"):
        record = {
            "Name": f"{name}.exact.example.com",
            "Type": "A",
            "TTL": 1,
            "ResourceRecords": [{"Value": "127.0.0.1"}],
        }
        changes = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)
    found = route53.list_resource_record_sets(
        HostedZoneId=zone, StartRecordName="api-blue.exact.example.com", StartRecordType="A", MaxItems="1"
    )
    assert [each["Name"] for each in found["ResourceRecordSets"]] == ["api-blue.exact.example.com."]
    missing = {"Changes": [{"Action": "DELETE", "ResourceRecordSet": {**record, "Name": "no.exact.example.com"}}]}
    with pytest.raises(ClientError):
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=missing)


def test_ec2_instances_start_keep_their_tags_and_end(aws: Aws) -> None:
    ec2 = aws.client("ec2")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "kubernetes.io/cluster/blue-x7k2p", "Value": "owned"}]}]
    (instance,) = ec2.run_instances(
        ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1, InstanceType="m6i.large", TagSpecifications=tags
    )["Instances"]
    found = ec2.describe_instances(Filters=[{"Name": "tag-key", "Values": ["kubernetes.io/cluster/blue-x7k2p"]}])
    assert found["Reservations"][0]["Instances"][0]["InstanceId"] == instance["InstanceId"]
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])


def test_an_event_on_the_bus_reaches_its_rules_targets(aws: Aws, stack: DeployedStack) -> None:
    """The sample's rule sends to a topic, the topic to a queue."""
    entry = {
        "EventBusName": stack.event_bus,
        "Source": "lifeboat",
        "DetailType": "Operation Started",
        "Detail": json.dumps({"schema": 1, "id": "one"}),
    }
    assert aws.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=stack.outputs["QueueArn"].rpartition(":")[2])["QueueUrl"]
    deadline = time.monotonic() + 5
    messages: list[dict[str, str]] = []
    while not messages and time.monotonic() < deadline:
        messages = sqs.receive_message(QueueUrl=url).get("Messages", [])
        time.sleep(0.05)
    event = json.loads(json.loads(messages[0]["Body"])["Message"])
    assert event["detail"] == {"schema": 1, "id": "one"}


def test_a_role_can_be_assumed(aws: Aws, stack: DeployedStack) -> None:
    role = aws.client("iam").list_roles()["Roles"][0]["Arn"]
    keys = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    assert keys["SessionToken"]
