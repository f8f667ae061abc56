"""The backup bucket over boto3."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from lifeboat.errors import BackupUnprovenError, ConflictError
from lifeboat.ports import StoredObject

_EXISTS = {"PreconditionFailed", "412"}
_RACE = {"ConditionalRequestConflict", "409"}
_MISSING = {"NoSuchKey", "NoSuchVersion", "404", "NotFound"}


def s3_client() -> Any:
    """A client that signs by SigV4, also in presigned URLs (SigV2 is refused by newer regions).

    Virtual addressing makes those URLs name the region's own host: the global one answers a new bucket's with a
    redirect, which a signed URL does not survive.
    """
    config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"}, retries={"mode": "standard"})
    return boto3.client("s3", config=config)


class BackupBucket:
    """`ports.ObjectStore` over one bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._s3 = client
        self._bucket = bucket

    def put(self, key: str, body: bytes) -> StoredObject:
        digest = hashlib.sha256(body)
        try:
            answer = self._s3.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                IfNoneMatch="*",
                ChecksumSHA256=base64.b64encode(digest.digest()).decode(),
            )
        except ClientError as error:
            if _code(error) in _RACE:
                msg = f"s3://{self._bucket}/{key} is being written by somebody else at this moment"
                raise ConflictError(msg) from None
            if _code(error) not in _EXISTS:
                raise
            present = self.get(key)
            if present != body:
                msg = f"s3://{self._bucket}/{key} exists with other content: two writers, or a changed object"
                raise BackupUnprovenError(msg) from None
            head = self.head(key)
            assert head is not None
            return head
        return StoredObject(key, answer.get("VersionId"), len(body), digest.hexdigest())

    def get(self, key: str, version_id: str | None = None) -> bytes | None:
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=key, **_version(version_id))
        except ClientError as error:
            if _code(error) in _MISSING:
                return None
            raise
        body: bytes = answer["Body"].read()
        return body

    def head(self, key: str, version_id: str | None = None) -> StoredObject | None:
        try:
            answer = self._s3.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED", **_version(version_id))
        except ClientError as error:
            if _code(error) in _MISSING:
                return None
            raise
        checksum = answer.get("ChecksumSHA256")
        return StoredObject(
            key,
            answer.get("VersionId"),
            answer["ContentLength"],
            base64.b64decode(checksum).hex() if checksum and "-" not in checksum else None,
        )

    def keys(self, prefix: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def folders(self, prefix: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix, Delimiter="/")
        found = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())]
        return [each[len(prefix) :].rstrip("/") for each in found]

    def presigned_put(self, key: str, sha256: str, expires: int) -> tuple[str, dict[str, str]]:
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        url: str = self._s3.generate_presigned_url(
            "put_object",
            Params={"Bucket": self._bucket, "Key": key, "ChecksumSHA256": checksum, "IfNoneMatch": "*"},
            ExpiresIn=expires,
        )
        return url, {"x-amz-checksum-sha256": checksum, "If-None-Match": "*"}

    def presigned_get(self, key: str, version_id: str | None, expires: int) -> str:
        url: str = self._s3.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key, **_version(version_id)}, ExpiresIn=expires
        )
        return url


def _version(version_id: str | None) -> dict[str, str]:
    return {"VersionId": version_id} if version_id else {}


def _code(error: ClientError) -> str:
    code: str = error.response["Error"]["Code"]
    return code
