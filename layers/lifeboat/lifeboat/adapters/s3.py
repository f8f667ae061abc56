"""The backup bucket over boto3."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from lifeboat.errors import BackupUnprovenError, ConflictError
from lifeboat.ports import ListedObject, OpenUpload, StoredObject, StoredPart, composite_of

_EXISTS = {"PreconditionFailed", "412"}
_RACE = {"ConditionalRequestConflict", "409"}
_NO_UPLOAD = {"NoSuchUpload", "404"}
_WRONG_PARTS = {
    "InvalidPart",
    "InvalidPartOrder",
    "EntityTooSmall",
    "BadDigest",
    "InvalidRequest",
    "MalformedXML",  # no part at all
}
_MISSING = {"NoSuchKey", "NoSuchVersion", "404", "NotFound"}
_ENDS_BEFORE = {"InvalidRange", "416"}


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

    def get_range(self, key: str, version_id: str | None, start: int, size: int) -> bytes | None:
        asked = f"bytes={start}-{start + size - 1}"
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=key, Range=asked, **_version(version_id))
        except ClientError as error:
            if _code(error) in _MISSING | _ENDS_BEFORE:
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
        checksum, _, count = (answer.get("ChecksumSHA256") or "").partition("-")
        digest = _hex(checksum) if checksum else None
        return StoredObject(
            key,
            answer.get("VersionId"),
            answer["ContentLength"],
            None if count else digest,
            f"{digest}-{count}" if count else None,
        )

    def keys(self, prefix: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def objects_below(self, prefix: str) -> list[ListedObject]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [
            ListedObject(each["Key"], each["Size"], each["LastModified"])
            for page in pages
            for each in page.get("Contents", ())
        ]

    def folders(self, prefix: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix, Delimiter="/")
        found = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())]
        return [each[len(prefix) :].rstrip("/") for each in found]

    def presigned_put(self, key: str, sha256: str, expires: int) -> tuple[str, dict[str, str]]:
        checksum = _base64(sha256)
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

    def delete(self, key: str) -> None:
        self._s3.delete_object(Bucket=self._bucket, Key=key)

    def open_upload(self, key: str) -> str:
        if not any(each.key == key for each in self.open_uploads(key)):
            self._s3.create_multipart_upload(
                Bucket=self._bucket, Key=key, ChecksumAlgorithm="SHA256", ChecksumType="COMPOSITE"
            )
        # Asked again: somebody else may have opened one at the same time, and the oldest counts for both.
        found = self._uploads_of(key)
        if not found:
            msg = f"the upload of s3://{self._bucket}/{key} was ended by somebody else at this moment"
            raise ConflictError(msg)
        for each in found[1:]:
            self.abort_upload(key, each)
        return found[0]

    def open_uploads(self, prefix: str) -> list[OpenUpload]:
        pages = self._s3.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=prefix)
        return [OpenUpload(each["Key"], each["UploadId"]) for page in pages for each in page.get("Uploads", ())]

    def stored_parts(self, key: str, upload_id: str, *, after: int = 0) -> list[StoredPart] | None:
        pages = self._s3.get_paginator("list_parts").paginate(
            Bucket=self._bucket,
            Key=key,
            UploadId=upload_id,
            **({"PartNumberMarker": after} if after else {}),
        )
        try:
            return [
                StoredPart(each["PartNumber"], each["Size"], _hex(each.get("ChecksumSHA256", "")), each["ETag"])
                for page in pages
                for each in page.get("Parts", ())
                if each["PartNumber"] > after  # not every S3 minds the marker
            ]
        except ClientError as error:
            if _code(error) in _NO_UPLOAD:
                return None
            raise

    def presigned_part(self, key: str, upload_id: str, part: StoredPart, expires: int) -> tuple[str, dict[str, str]]:
        checksum = _base64(part.sha256)
        url: str = self._s3.generate_presigned_url(
            "upload_part",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "UploadId": upload_id,
                "PartNumber": part.number,
                "ChecksumSHA256": checksum,
            },
            ExpiresIn=expires,
        )
        return url, {"x-amz-checksum-sha256": checksum}

    def put_part(self, key: str, upload_id: str, number: int, body: bytes) -> StoredPart:
        digest = hashlib.sha256(body).hexdigest()
        try:
            answer = self._s3.upload_part(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                Body=body,
                ChecksumSHA256=_base64(digest),
            )
        except ClientError as error:
            if _code(error) not in _NO_UPLOAD:
                raise
            msg = f"the upload of s3://{self._bucket}/{key} was ended by somebody else"
            raise ConflictError(msg) from None
        return StoredPart(number, len(body), digest, answer["ETag"])

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> StoredObject:
        size, composite = sum(each.size for each in parts), composite_of([each.sha256 for each in parts])
        named = [
            {"PartNumber": each.number, "ETag": each.etag, "ChecksumSHA256": _base64(each.sha256)} for each in parts
        ]
        try:
            self._s3.complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": named}, IfNoneMatch="*"
            )
        except ClientError as error:
            if _code(error) in _RACE:
                msg = f"s3://{self._bucket}/{key} is being written by somebody else at this moment"
                raise ConflictError(msg) from None
            if _code(error) not in _EXISTS | _NO_UPLOAD | _WRONG_PARTS:
                raise
        stored = self.head(key)
        if stored is None or (stored.size, stored.composite) != (size, composite):
            msg = f"s3://{self._bucket}/{key} was not made of the parts that the pod read: start again"
            raise BackupUnprovenError(msg)
        self.abort_upload(key, upload_id)  # it is gone unless an earlier one had the key already
        return stored

    def abort_upload(self, key: str, upload_id: str) -> None:
        try:
            self._s3.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
        except ClientError as error:
            if _code(error) not in _NO_UPLOAD:
                raise

    def _uploads_of(self, key: str) -> list[str]:
        """Ids of the uploads of this very key, the oldest first."""
        pages = self._s3.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=key)
        found = [each for page in pages for each in page.get("Uploads", ()) if each["Key"] == key]
        # S3's times are whole seconds; uploads of one second stay in its own order, which is that of their begin.
        return [each["UploadId"] for each in sorted(found, key=lambda each: each["Initiated"])]


def _hex(checksum: str) -> str:
    return base64.b64decode(checksum).hex()


def _base64(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _version(version_id: str | None) -> dict[str, str]:
    return {"VersionId": version_id} if version_id else {}


def _code(error: ClientError) -> str:
    code: str = error.response["Error"]["Code"]
    return code
