"""What S3 tells of an object in headers, and what a writer tells S3."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Mapping
from email.utils import formatdate
from urllib.parse import parse_qsl

from sandbox.aws.s3 import locks, xml
from sandbox.aws.s3.errors import S3Error, invalid
from sandbox.aws.s3.model import Attributes, Bucket, Version
from sandbox.aws.s3.requests import Request
from sandbox.plan import ACCOUNT_ID, REGION

_KEPT = ("cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires")
_METADATA = "x-amz-meta-"
_MOST_METADATA = 2048
_ENCRYPTION = "x-amz-server-side-encryption"


def attributes_of(bucket: Bucket, request: Request) -> Attributes:
    """What the headers of a write say. Raises S3Error for locks that the bucket does not allow."""
    headers = request.headers
    kept = {name: headers[name] for name in _KEPT if name in headers}
    encodings = [each.strip() for each in kept.pop("content-encoding", "").split(",")]
    if plain := ",".join(each for each in encodings if each and each != "aws-chunked"):
        kept["content-encoding"] = plain
    metadata = {name: value for name, value in headers.items() if name.startswith(_METADATA)}
    if sum(len(name) - len(_METADATA) + len(value) for name, value in metadata.items()) > _MOST_METADATA:
        raise S3Error(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
    retention, hold = locks.from_headers(bucket, headers)
    return Attributes(
        headers={"content-type": "binary/octet-stream", **kept, **metadata, **encryption(bucket, headers)},
        tags=dict(parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True)),
        retention=retention,
        legal_hold=hold,
    )


def encryption(bucket: Bucket, headers: Mapping[str, str]) -> dict[str, str]:
    """How a new object is encrypted: as its writer asks, or as the bucket says. Only told, never done."""
    if "x-amz-server-side-encryption-customer-algorithm" in headers:
        raise S3Error(501, "NotImplemented", "the sandbox's S3 does not offer keys of customers (SSE-C)")
    algorithm, key, bucket_key = headers.get(_ENCRYPTION), headers.get(f"{_ENCRYPTION}-aws-kms-key-id"), None
    if algorithm is None and (document := bucket.configuration.get("encryption")):
        rule = xml.parse(document.encode()).find("Rule")
        assert rule is not None
        algorithm = xml.text(rule, "ApplyServerSideEncryptionByDefault/SSEAlgorithm")
        key = xml.text(rule, "ApplyServerSideEncryptionByDefault/KMSMasterKeyID")
        bucket_key = xml.text(rule, "BucketKeyEnabled")
    told = {_ENCRYPTION: algorithm or "AES256"}
    if is_kms(told):
        key = key or "alias/aws/s3"
        told[f"{_ENCRYPTION}-aws-kms-key-id"] = (
            key if key.startswith("arn:") else f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:{'' if '/' in key else 'key/'}{key}"
        )
        if bucket_key == "true":
            told[f"{_ENCRYPTION}-bucket-key-enabled"] = "true"
    return told


def is_kms(headers: Mapping[str, str]) -> bool:
    return headers.get(_ENCRYPTION, "").startswith("aws:kms")


def etag(md5: str | None) -> str:
    """The ETag: the MD5, where there is one. Objects under SSE-KMS have another one, which says nothing."""
    return f'"{md5 or secrets.token_hex(16)}"'


def encryption_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith(_ENCRYPTION)}


def written(bucket: Bucket, version: Version) -> dict[str, str]:
    """Headers of the answer to a write."""
    return {
        "ETag": version.etag,
        **encryption_headers(version.attributes.headers),
        **(version.checksum.headers() if version.checksum else {}),
        **version_header(bucket, version),
    }


def version_header(bucket: Bucket, version: Version) -> dict[str, str]:
    return {"x-amz-version-id": version.version_id} if bucket.versioning else {}


def described(bucket: Bucket, version: Version) -> dict[str, str]:
    """Headers of a HEAD, but for length and checksum."""
    attributes = version.attributes
    retention, tags = attributes.retention, len(attributes.tags)
    headers = {
        **{_title(name): value for name, value in attributes.headers.items()},
        "Accept-Ranges": "bytes",
        "ETag": version.etag,
        "Last-Modified": formatdate(version.modified, usegmt=True),
        **version_header(bucket, version),
    }
    if tags:
        headers["x-amz-tagging-count"] = str(tags)
    if retention:
        headers["x-amz-object-lock-mode"] = retention.mode
        headers["x-amz-object-lock-retain-until-date"] = iso(retention.until)
    if attributes.legal_hold:
        headers["x-amz-object-lock-legal-hold"] = "ON"
    return headers


def iso(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def require_digest(bucket: Bucket, attributes: Attributes, headers: Mapping[str, str]) -> None:
    """Raises S3Error for a write under Object Lock whose bytes nothing proves."""
    locked = attributes.retention is not None or attributes.legal_hold
    proven = "content-md5" in headers or any(
        name.startswith(("x-amz-checksum-", "x-amz-trailer")) for name in headers if name != "x-amz-checksum-mode"
    )
    if bucket.object_lock and locked and not proven:
        raise invalid(
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"
        )


def _title(name: str) -> str:
    return name if name.startswith("x-amz-") else name.title()
