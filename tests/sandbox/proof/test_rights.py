"""The judge of recorded calls finds what a role may not do, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.proof import needs, rights

ROLE = "arn:aws:iam::123456789012:role/lifeboat-SomeFunctionRole"
BUCKET, KEY = "lifeboat-backups", "arn:aws:kms:us-east-2:123456789012:key/one"
TABLE = "arn:aws:dynamodb:us-east-2:123456789012:table/leases"


def a_call(service: str, action: str, status: int = 200, **about: Any) -> dict[str, Any]:
    return {"service": service, "action": action, "principal": ROLE, "resources": about, "status": status}


def a_put() -> dict[str, Any]:
    return a_call("s3", "PutObject", bucket=BUCKET, key="hosted-clusters/a/b.json")


def a_statement(action: str, resource: str, effect: str = "Allow", **rest: Any) -> rights.Statement:
    return rights.Statement.of({"Effect": effect, "Action": action, "Resource": resource, **rest})


def missing(call: dict[str, Any], *statements: rights.Statement) -> list[str]:
    judged = rights.judge([call], {ROLE: [statements]}, {BUCKET: KEY})
    return [each.partition(": ")[2].partition(" ")[0] for each in judged.not_granted]


def test_a_put_needs_the_object_and_the_key_of_its_bucket():
    put = a_statement("s3:PutObject", f"arn:aws:s3:::{BUCKET}/hosted-clusters/*")
    key = a_statement("kms:GenerateDataKey", KEY)
    assert missing(a_put()) == ["s3:PutObject", "kms:GenerateDataKey"]
    assert missing(a_put(), put) == ["kms:GenerateDataKey"]
    assert missing(a_put(), put, key) == []


def test_a_resource_elsewhere_is_not_granted():
    elsewhere = a_statement("s3:PutObject", f"arn:aws:s3:::{BUCKET}/other/*")
    assert "s3:PutObject" in missing(a_put(), elsewhere)


def test_a_deny_wins():
    everything, never = a_statement("*", "*"), a_statement("s3:Put*", "*", "Deny")
    assert missing(a_put(), everything) == []
    assert missing(a_put(), everything, never) == ["s3:PutObject"]


@pytest.mark.parametrize("secret", ["lifeboat/snapshot-url-signer", "{arn}lifeboat/snapshot-url-signer-Q1w2e3"])
def test_a_secret_may_be_asked_for_by_name_or_by_arn(secret):
    arn = "arn:aws:secretsmanager:us-east-2:123456789012:secret:"
    granted = a_statement("secretsmanager:GetSecretValue", f"{arn}lifeboat/snapshot-url-signer-*")
    call = a_call("secretsmanager", "GetSecretValue", SecretId=secret.format(arn=arn))
    assert missing(call, granted) == []
    assert missing(call, a_statement("secretsmanager:GetSecretValue", f"{arn}other/*")) == [
        "secretsmanager:GetSecretValue"
    ]


@pytest.mark.parametrize(
    ("status", "about", "wanted"),
    [
        (200, {}, ["s3:GetObject", "kms:Decrypt"]),
        (200, {"versionId": "v1"}, ["s3:GetObjectVersion", "kms:Decrypt"]),
        (404, {}, ["s3:GetObject", "s3:ListBucket"]),
    ],
)
def test_reading_needs_what_s3_asks_about(status, about, wanted):
    call = a_call("s3", "HeadObject", status, bucket=BUCKET, key="k", **about)
    assert [each.action for each in needs.of_call(call, {BUCKET: KEY})] == wanted


@pytest.mark.parametrize(
    ("action", "about", "wanted"),
    [
        ("CreateMultipartUpload", {}, ["s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey"]),
        ("UploadPart", {}, ["s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey"]),
        ("ListParts", {}, ["s3:ListMultipartUploadParts"]),
        ("AbortMultipartUpload", {}, ["s3:AbortMultipartUpload"]),
        ("DeleteObject", {"versionId": "v1"}, ["s3:DeleteObjectVersion"]),
        (
            "PutObject",
            {"also": ["PutObjectRetention"]},
            ["s3:PutObject", "s3:PutObjectRetention", "kms:GenerateDataKey"],
        ),
    ],
)
def test_writing_in_parts_deleting_and_locking_need_what_s3_asks_about(action, about, wanted):
    call = a_call("s3", action, bucket=BUCKET, key="k", **about)
    assert [each.action for each in needs.of_call(call, {BUCKET: KEY})] == wanted


def test_deleting_many_needs_the_right_for_each():
    call = a_call("s3", "DeleteObjects", bucket=BUCKET, keys=["a", "b"])
    assert [str(each) for each in needs.of_call(call, {})] == [
        f"s3:DeleteObject on arn:aws:s3:::{BUCKET}/{key}" for key in ("a", "b")
    ]


def test_a_list_is_granted_for_its_prefix_alone():
    call = a_call("s3", "ListObjectsV2", bucket=BUCKET, prefix="hosted-clusters/a/")
    of_a = {"StringLike": {"s3:prefix": "hosted-clusters/a/*"}}
    of_b = {"StringLike": {"s3:prefix": "hosted-clusters/b/*"}}
    bucket = f"arn:aws:s3:::{BUCKET}"
    assert missing(call, a_statement("s3:ListBucket", bucket, Condition=of_a)) == []
    assert missing(call, a_statement("s3:ListBucket", bucket, Condition=of_b)) == ["s3:ListBucket"]


def test_a_condition_on_leading_keys_is_obeyed():
    call = a_call("dynamodb", "GetItem", TableName="leases", LeadingKey="clusters/blue")
    approvals = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["approval#*"]}}
    others = {"ForAllValues:StringNotLike": {"dynamodb:LeadingKeys": ["approval#*"]}}
    assert missing(call, a_statement("dynamodb:GetItem", TABLE, Condition=approvals)) == ["dynamodb:GetItem"]
    assert missing(call, a_statement("dynamodb:GetItem", TABLE, Condition=others)) == []
    asked = call | {"resources": {"TableName": "leases", "LeadingKey": "approval#arn"}}
    assert missing(asked, a_statement("dynamodb:GetItem", TABLE, Condition=others)) == ["dynamodb:GetItem"]


def test_a_condition_that_is_not_understood_grants_nothing():
    unknown = {"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}
    assert missing(a_put(), a_statement("*", "*", Condition=unknown)) != []


def test_only_deletes_where_only_deletes_are_granted():
    only = {"ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsActions": ["DELETE"]}}
    allowed = a_statement("route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/*", Condition=only)
    path = "/2013-04-01/hostedzone/Z1/rrset"
    deletes = a_call("route53", "ChangeResourceRecordSets", path=path, changes=["DELETE a. A"])
    upserts = a_call("route53", "ChangeResourceRecordSets", path=path, changes=["DELETE a. A", "UPSERT b. A"])
    assert missing(deletes, allowed) == []
    assert missing(upserts, allowed) == ["route53:ChangeResourceRecordSets"]


def test_a_service_that_is_not_told_is_not_granted_by_a_named_resource():
    call = a_call("sqs", "SendMessage")
    assert missing(call, a_statement("sqs:SendMessage", "arn:aws:sqs:us-east-2:123456789012:q")) == ["sqs:SendMessage"]


def test_a_call_of_a_role_that_is_not_deployed_is_told():
    judged = rights.judge([a_put()], {}, {})
    assert judged.not_granted == (f"{ROLE}: no such role",)


def test_what_machines_call_must_be_granted_to_a_machine():
    call = a_call("lambda", "Invoke", path="/2015-03-31/functions/arn:f/invocations") | {"principal": "states"}
    one, other = [a_statement("lambda:InvokeFunction", "arn:f")], [a_statement("lambda:InvokeFunction", "arn:g")]
    assert rights.judge([call], {"states": [other, one]}, {}).not_granted == ()
    assert rights.judge([call], {"states": [other]}, {}).not_granted != ()
