"""Snapshot URLs signed by an IAM user: a role's are too long for HyperShift and end with its session."""

from __future__ import annotations

import json
import re
from typing import Any

import boto3
import urllib3
from botocore.config import Config

from lifeboat.errors import AwsUnavailableError, ConfigurationError

_SECONDS = 10.0
_PARTIAL, _SERVER_FAULT = 206, 500
_ONE_BYTE = re.compile(r"bytes 0-0/(\d+)")


class UserSignedUrls:
    """`restore.snapshot_url.signing.SnapshotUrls`. The access key is read when it is used, and kept nowhere."""

    def __init__(self, secrets: Any, secret: str, bucket: str, endpoint: str | None = None) -> None:
        """`secret` holds `{accessKeyId, secretAccessKey}`; `endpoint`: an https address of S3 other than its own."""
        self._secrets = secrets
        self._secret = secret
        self._bucket = bucket
        self._endpoint = endpoint

    def sign(self, key: str, version_id: str | None, seconds: int) -> str:
        version = {"VersionId": version_id} if version_id else {}
        url: str = self._client().generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key, **version}, ExpiresIn=seconds
        )
        return url

    def _client(self) -> Any:
        """Virtual addressing names the region's own host: the global one redirects, which the init container does not.

        An endpoint that was given is addressed by path: a name of the bucket below it may not resolve.
        """
        try:
            held = json.loads(self._secrets.get_secret_value(SecretId=self._secret)["SecretString"])
            key_id, key = str(held["accessKeyId"]), str(held["secretAccessKey"])
        except (ValueError, KeyError, TypeError):
            msg = "the Secret of the user that signs snapshot URLs does not hold an access key: deploy the stack again"
            raise ConfigurationError(msg) from None
        style = "path" if self._endpoint else "virtual"
        return boto3.client(
            "s3",
            endpoint_url=self._endpoint,
            aws_access_key_id=key_id,
            aws_secret_access_key=key,
            aws_session_token=None,
            config=Config(signature_version="s3v4", s3={"addressing_style": style}),
        )


class OpenedUrls:
    """`restore.snapshot_url.signing.Opened`, as the init container's curl opens them: no redirects, no credentials."""

    def size_behind(self, url: str) -> int | None:
        try:
            with urllib3.PoolManager() as pool:
                answer = pool.request(
                    "GET", url, headers={"Range": "bytes=0-0"}, redirect=False, timeout=_SECONDS, retries=False,
                    preload_content=False,
                )  # fmt: skip
                status, told = answer.status, answer.headers.get("Content-Range", "")
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            msg = f"nobody answers behind the snapshot's URL ({type(error).__name__})"
            raise AwsUnavailableError(msg) from None
        if status >= _SERVER_FAULT:
            msg = f"S3 answers HTTP {status} for the snapshot's URL"
            raise AwsUnavailableError(msg)
        found = _ONE_BYTE.fullmatch(told)
        return int(found[1]) if status == _PARTIAL and found else None
