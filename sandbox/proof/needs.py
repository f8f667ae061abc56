"""What IAM would ask about one recorded AWS call: actions, resources and the condition keys that are known.

After the service authorization reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html).
A service that is not told here asks about `*`, which a statement that names resources does not grant: a new kind of
call shows up as not granted until it is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.plan import ACCOUNT_ID, REGION

_S3 = {
    "DeleteObjects": "DeleteObject",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListParts": "ListMultipartUploadParts",
    "HeadBucket": "ListBucket",
    "UploadPart": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "CompleteMultipartUpload": "PutObject",
}
_OF_VERSIONS = {
    "DeleteObject": "DeleteObjectVersion",
    "GetObject": "GetObjectVersion",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectTagging": "PutObjectVersionTagging",
}
_READS = ("GetObject", "HeadObject")
_MULTIPART = ("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")
_NOT_FOUND = 404


@dataclass(frozen=True)
class Need:
    """One question to IAM."""

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


def of_call(call: Mapping[str, Any], keys: Mapping[str, str]) -> list[Need]:
    """The questions of one line of the call log. `keys`: bucket or topic (name, ARN) → ARN of the KMS key it uses."""
    about, action = call["resources"], call["action"]
    match call["service"]:
        case "s3":
            needs = _of_s3(call, keys)
        case "dynamodb":
            leading = {"dynamodb:LeadingKeys": (about["LeadingKey"],)} if "LeadingKey" in about else {}
            needs = [Need(f"dynamodb:{action}", _arn("dynamodb", f"table/{about.get('TableName')}"), leading)]
        case "secretsmanager":
            # AWS adds six characters to a secret's name; an ARN has them already.
            secret = str(about.get("SecretId"))
            arn = secret if secret.startswith("arn:") else _arn("secretsmanager", f"secret:{secret}-a1b2c3")
            needs = [Need(f"secretsmanager:{action}", arn)]
        case "kms":
            needs = [Need(f"kms:{action}", key_arn(str(about.get("KeyId"))))]
        case "states":
            arns = (about.get(name) for name in ("executionArn", "stateMachineArn"))
            needs = [Need(f"states:{action}", next(filter(None, arns), "*"))]
        case "lambda" if action == "Invoke":
            name = about["path"].partition("/functions/")[2].partition("/")[0]
            needs = [Need("lambda:InvokeFunction", name if ":" in name else _arn("lambda", f"function:{name}"))]
        case "sns":
            topic = str(about.get("TopicArn", "*"))
            needs = [Need(f"sns:{action}", topic)]
            if action == "Publish" and topic in keys:
                needs += [Need(f"kms:{each}", keys[topic]) for each in ("GenerateDataKey", "Decrypt")]
        case "route53":
            needs = [_of_route53(action, about)]
        case service:
            needs = [Need(f"{service}:{action}", "*")]
    return needs


def key_arn(key: str) -> str:
    return key if key.startswith("arn:") else _arn("kms", f"key/{key}")


def _of_s3(call: Mapping[str, Any], keys: Mapping[str, str]) -> list[Need]:
    action, about = call["action"], call["resources"]
    bucket = about["bucket"]
    asked = _S3.get(action, action)
    if "versionId" in about:
        asked = _OF_VERSIONS.get(asked, asked)
    context = {"s3:prefix": (str(about["prefix"]),)} if "prefix" in about else {}
    names = about.get("keys", [about.get("key")])
    arns = [f"arn:aws:s3:::{bucket}" + (f"/{name}" if name else "") for name in names]
    needs = [Need(f"s3:{each}", arn, context) for arn in arns for each in (asked, *about.get("also", ()))]
    if action in _READS and call["status"] == _NOT_FOUND:
        # Without this right S3 answers 403 for an object that does not exist.
        return [*needs, Need("s3:ListBucket", f"arn:aws:s3:::{bucket}")]
    if bucket in keys:
        # HeadObject too: S3 tells the checksum only to those who may decrypt.
        decrypts = action in (*_READS, *_MULTIPART)
        encrypts = asked == "PutObject"
        needs += [Need("kms:Decrypt", keys[bucket])] if decrypts else []
        needs += [Need("kms:GenerateDataKey", keys[bucket])] if encrypts else []
    return needs


def _of_route53(action: str, about: Mapping[str, Any]) -> Need:
    _, kind, zone = about["path"].strip("/").partition("hostedzone/")
    resource = f"arn:aws:route53:::hostedzone/{zone.partition('/')[0]}" if kind else "*"
    changes = tuple(change.partition(" ")[0] for change in about.get("changes", ()))
    return Need(f"route53:{action}", resource, {"route53:ChangeResourceRecordSetsActions": changes} if changes else {})


def _arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{rest}"
