"""What a preflight looks at and does not own: KMS keys of hosted clusters, documents that anybody can read."""

from __future__ import annotations

import re
from typing import Any

import urllib3
from botocore.exceptions import ClientError

from lifeboat.errors import AwsUnavailableError

_MISSING = {"NotFoundException", "NoSuchKey", "NoSuchBucket", "404"}
_REFUSED = {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "403"}
_IN_S3 = re.compile(r"https://(?P<bucket>[a-z0-9.-]+)\.s3[.-](?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<key>[^?#]+)")
_LARGEST = 256 * 1024
"""Bytes: a key set has a few thousand."""

_SECONDS = 10.0


class KmsKeys:
    """`ports.Keys`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def state(self, arn: str) -> str | None:
        """The key's state by KMS; whoever owns it may not have granted us the look."""
        try:
            answer = self._client.describe_key(KeyId=arn)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _MISSING:
                return "Absent"
            if code in _REFUSED:
                return None
            raise
        return str(answer["KeyMetadata"]["KeyState"])


class PublicDocuments:
    """`ports.Documents`: without credentials, as IAM reads them. What lies in S3 is asked for by S3's own API."""

    def __init__(self, s3_in: Any) -> None:
        """`s3_in(region)`: a client of S3 that signs nothing."""
        self._s3_in = s3_in

    def fetch(self, url: str) -> bytes | None:
        if found := _IN_S3.fullmatch(url):
            return self._from_s3(found["region"], found["bucket"], found["key"])
        if not url.startswith("https://"):
            return None
        try:
            with urllib3.PoolManager() as pool:
                answer = pool.request(
                    "GET", url, redirect=False, timeout=_SECONDS, retries=False, preload_content=False
                )
                body = answer.read(_LARGEST + 1)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            msg = f"nobody answers for a public document ({type(error).__name__})"
            raise AwsUnavailableError(msg) from None
        return body if answer.status == 200 and len(body) <= _LARGEST else None  # noqa: PLR2004 - OK

    def _from_s3(self, region: str, bucket: str, key: str) -> bytes | None:
        try:
            answer = self._s3_in(region).get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING | _REFUSED:
                return None
            raise
        body: bytes = answer["Body"].read(_LARGEST + 1)
        return body if len(body) <= _LARGEST else None
