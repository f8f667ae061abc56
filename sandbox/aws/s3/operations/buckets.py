"""Buckets, and the documents that are stored with them and given back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.aws.s3 import locks, xml
from sandbox.aws.s3.errors import S3Error, refused
from sandbox.aws.s3.operations.routes import operation
from sandbox.aws.s3.requests import Context, Request, Response
from sandbox.plan import ACCOUNT_ID, REGION

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@operation("ListBuckets", "GET", "service")
def list_buckets(context: Context, _request: Request) -> Response:
    found = sorted(context.store.buckets.values(), key=lambda each: each.name)
    buckets = [("Bucket", [("Name", each.name), ("CreationDate", xml.timestamp(each.created))]) for each in found]
    return Response.xml("ListAllMyBucketsResult", [("Owner", [("ID", ACCOUNT_ID)]), ("Buckets", buckets)])


@operation("CreateBucket", "PUT", "bucket")
def create_bucket(context: Context, request: Request) -> Response:
    body = request.body.read()
    constraint = xml.text(xml.parse(body, "CreateBucketConfiguration"), "LocationConstraint") if body else None
    if constraint != REGION:
        raise S3Error(
            400,
            "IllegalLocationConstraintException",
            f"The {constraint or 'unspecified'} location constraint is incompatible for the region specific endpoint "
            "this request was sent to.",
        )
    if not _NAME.fullmatch(request.bucket) or ".." in request.bucket:
        raise S3Error(400, "InvalidBucketName", "The specified bucket is not valid.")
    lock = request.headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true"
    context.store.create_bucket(request.bucket, object_lock=lock)
    return Response(headers={"Location": f"/{request.bucket}"})


@operation("DeleteBucket", "DELETE", "bucket")
def delete_bucket(context: Context, request: Request) -> Response:
    context.store.delete_bucket(request.bucket)
    return Response(204)


@operation("HeadBucket", "HEAD", "bucket")
def head_bucket(context: Context, request: Request) -> Response:
    context.store.bucket(request.bucket)
    return Response(headers={"x-amz-bucket-region": REGION})


@operation("GetBucketLocation", "GET", "bucket", "location")
def get_location(context: Context, request: Request) -> Response:
    context.store.bucket(request.bucket)
    return Response.xml("LocationConstraint", REGION)


@operation("PutBucketVersioning", "PUT", "bucket", "versioning")
def put_versioning(context: Context, request: Request) -> Response:
    status = xml.text(xml.parse(request.body.read(), "VersioningConfiguration"), "Status")
    if status not in {"Enabled", "Suspended"}:
        raise refused("MalformedXML")
    with context.store.lock:
        bucket = context.store.bucket(request.bucket)
        if bucket.object_lock and status == "Suspended":
            raise S3Error(
                409,
                "InvalidBucketState",
                "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
            )
        bucket.versioning = status
        context.store.disk.save_bucket(bucket)
    return Response()


@operation("GetBucketVersioning", "GET", "bucket", "versioning")
def get_versioning(context: Context, request: Request) -> Response:
    status = context.store.bucket(request.bucket).versioning
    return Response.xml("VersioningConfiguration", [("Status", status)])


@operation("PutObjectLockConfiguration", "PUT", "bucket", "object-lock")
def put_object_lock(context: Context, request: Request) -> Response:
    body = request.body.read()
    locks.check_configuration(body)
    with context.store.lock:
        bucket = context.store.bucket(request.bucket)
        if bucket.versioning != "Enabled":
            raise S3Error(
                409,
                "InvalidBucketState",
                "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
            )
        bucket.object_lock = True
        bucket.configuration["object-lock"] = body.decode()
        context.store.disk.save_bucket(bucket)
    return Response()


@operation("GetObjectLockConfiguration", "GET", "bucket", "object-lock")
def get_object_lock(context: Context, request: Request) -> Response:
    bucket = context.store.bucket(request.bucket)
    if not bucket.object_lock:
        raise S3Error(
            404,
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
        )
    if stored := bucket.configuration.get("object-lock"):
        return Response(200, {"Content-Type": "application/xml"}, stored.encode())
    return Response.xml("ObjectLockConfiguration", [("ObjectLockEnabled", "Enabled")])


@dataclass(frozen=True)
class _Document:
    """A document that means nothing to the store itself. `empty`: what GET gives without one; None for an error."""

    subresource: str
    put: str
    get: str
    delete: str | None
    root: str
    missing: str = ""
    empty: bytes | None = None
    check: Callable[[bytes], None] = lambda _: None


def _check_lifecycle(body: bytes) -> None:
    rules = xml.parse(body).findall("Rule")
    if not rules or any(xml.text(each, "Status") not in {"Enabled", "Disabled"} for each in rules):
        raise refused("MalformedXML")
    if any(each.find("Filter") is None and each.find("Prefix") is None for each in rules):
        raise refused("MalformedXML")


def _check_encryption(body: bytes) -> None:
    path = "Rule/ApplyServerSideEncryptionByDefault/SSEAlgorithm"
    if xml.text(xml.parse(body), path) not in {"AES256", "aws:kms", "aws:kms:dsse"}:
        raise refused("MalformedXML")


_AES256 = xml.document(
    "ServerSideEncryptionConfiguration",
    [("Rule", [("ApplyServerSideEncryptionByDefault", [("SSEAlgorithm", "AES256")]), ("BucketKeyEnabled", False)])],
)
_DOCUMENTS = (
    _Document(
        "encryption", "PutBucketEncryption", "GetBucketEncryption", "DeleteBucketEncryption",
        "ServerSideEncryptionConfiguration", empty=_AES256, check=_check_encryption,
    ),
    _Document(
        "publicAccessBlock", "PutPublicAccessBlock", "GetPublicAccessBlock", "DeletePublicAccessBlock",
        "PublicAccessBlockConfiguration", "NoSuchPublicAccessBlockConfiguration",
    ),
    _Document(
        "lifecycle", "PutBucketLifecycleConfiguration", "GetBucketLifecycleConfiguration", "DeleteBucketLifecycle",
        "LifecycleConfiguration", "NoSuchLifecycleConfiguration", check=_check_lifecycle,
    ),
    _Document(
        "ownershipControls", "PutBucketOwnershipControls", "GetBucketOwnershipControls",
        "DeleteBucketOwnershipControls", "OwnershipControls", "OwnershipControlsNotFoundError",
    ),
    _Document(
        "tagging", "PutBucketTagging", "GetBucketTagging", "DeleteBucketTagging", "Tagging", "NoSuchTagSet",
    ),
    _Document(
        "notification", "PutBucketNotificationConfiguration", "GetBucketNotificationConfiguration", None,
        "NotificationConfiguration", empty=xml.document("NotificationConfiguration", None),
    ),
    _Document(
        "logging", "PutBucketLogging", "GetBucketLogging", None, "BucketLoggingStatus",
        empty=xml.document("BucketLoggingStatus", None),
    ),
    _Document("policy", "PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy", "", "NoSuchBucketPolicy"),
)  # fmt: skip


def _offer(kind: _Document) -> None:
    def put(context: Context, request: Request) -> Response:
        body = request.body.read()
        if kind.root:
            xml.parse(body, kind.root)
        else:
            _check_policy(body)
        kind.check(body)
        with context.store.lock:
            bucket = context.store.bucket(request.bucket)
            bucket.configuration[kind.subresource] = body.decode()
            context.store.disk.save_bucket(bucket)
        return Response(200 if kind.root else 204)

    def get(context: Context, request: Request) -> Response:
        stored = context.store.bucket(request.bucket).configuration.get(kind.subresource)
        body = stored.encode() if stored is not None else kind.empty
        if body is None:
            raise S3Error(404, kind.missing, f"The bucket has no {kind.subresource} configuration")
        return Response(200, {"Content-Type": "application/xml" if kind.root else "application/json"}, body)

    def delete(context: Context, request: Request) -> Response:
        with context.store.lock:
            bucket = context.store.bucket(request.bucket)
            bucket.configuration.pop(kind.subresource, None)
            context.store.disk.save_bucket(bucket)
        return Response(204)

    operation(kind.put, "PUT", "bucket", kind.subresource)(put)
    operation(kind.get, "GET", "bucket", kind.subresource)(get)
    if kind.delete:
        operation(kind.delete, "DELETE", "bucket", kind.subresource)(delete)


def _check_policy(body: bytes) -> None:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not document.get("Statement"):
        raise S3Error(400, "MalformedPolicy", "Policies must be valid JSON and have a Statement")


for _each in _DOCUMENTS:
    _offer(_each)
