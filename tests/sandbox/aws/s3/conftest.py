"""One S3 of the sandbox, in this process; and the same behind a process of its own where a kill is the test."""

import datetime
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox.aws.calls import CallLog
from sandbox.aws.s3.authentication import Authenticator
from sandbox.aws.s3.server import Server
from sandbox.aws.s3.service import Service
from sandbox.aws.s3.store import Store

REGION = "us-east-2"
KEY, SECRET, TOKEN = "AKIATEST", "a-secret", "a-token"
TEMPORARY = "ASIATEST"


@dataclass
class S3:
    """The server, its clock and its record of calls."""

    url: str
    root: Path
    calls: Path
    shift: list[datetime.timedelta] = field(default_factory=lambda: [datetime.timedelta()])

    def client(self, *, key: str = KEY, secret: str = SECRET, token: str | None = None, **config: Any) -> Any:
        return client_of(self.url, key, secret, token, **config)

    def bucket(self, *, versioning: bool = False, kms: bool = False, lock: bool = False) -> str:
        s3, name = self.client(), f"bucket-{uuid.uuid4().hex[:8]}"
        s3.create_bucket(
            Bucket=name,
            CreateBucketConfiguration={"LocationConstraint": REGION},
            **({"ObjectLockEnabledForBucket": True} if lock else {}),
        )
        if versioning:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        if kms:
            default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:aws:kms:us-east-2:123456789012:key/k"}
            rules = [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
            s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
        return name

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.calls.read_text().splitlines()]


def client_of(url: str, key: str = KEY, secret: str = SECRET, token: str | None = None, **config: Any) -> Any:
    settings = {"signature_version": "s3v4", "retries": {"total_max_attempts": 1}, **config}
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(**settings),
    )


def start(root: Path, calls: Path, shift: list[datetime.timedelta]) -> Server:
    secrets = {KEY: (SECRET, None), TEMPORARY: (SECRET, TOKEN)}
    authenticator = Authenticator(secrets.get, lambda: datetime.datetime.now(datetime.UTC) + shift[0])
    server = Server(
        Service(Store(root), authenticator, CallLog(calls, lambda key: f"{key} of somebody")), "127.0.0.1", 0
    )
    server.start()
    return server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    folder = tmp_path_factory.mktemp("s3")
    shift = [datetime.timedelta()]
    server = start(folder / "store", folder / "calls.jsonl", shift)
    yield S3(server.url, folder / "store", folder / "calls.jsonl", shift)
    server.stop()
