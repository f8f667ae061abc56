"""Where moto's Lambda finds the archives that a template names: in the sandbox's S3, not in moto's."""

from __future__ import annotations

from dataclasses import dataclass

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.awslambda import models
from moto.s3.exceptions import MissingBucket, MissingKey

from sandbox.aws.patching import replace
from sandbox.plan import REGION, Plan


@dataclass(frozen=True)
class _Archive:
    """What moto asks of an object of its own S3."""

    value: bytes

    @property
    def size(self) -> int:
        return len(self.value)


def read_code_from(plan: Plan) -> None:
    """Have functions and layers read their archives from the sandbox's S3, with the deployer's keys."""
    replace(models, "s3_backends", _Accounts(_S3(plan)))


class _Accounts:
    """`s3_backends[account][partition]`: here every account and partition has the one S3."""

    def __init__(self, s3: _S3) -> None:
        self._s3 = s3

    def __getitem__(self, _account: str) -> dict[str, _S3]:
        return {"aws": self._s3}


class _S3:
    def __init__(self, plan: Plan) -> None:
        self._client = boto3.client(
            "s3",
            endpoint_url=plan.s3_url,
            region_name=REGION,
            aws_access_key_id=plan.access_key_id,
            aws_secret_access_key=plan.secret_access_key,
            config=Config(s3={"addressing_style": "path"}),
        )

    def get_object(self, bucket: str, key: str) -> _Archive:
        """Raises moto's own errors for what is not there: it turns them into Lambda's."""
        try:
            return _Archive(self._client.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            match error.response["Error"]["Code"]:
                case "NoSuchBucket":
                    raise MissingBucket(bucket=bucket) from None
                case "NoSuchKey":
                    raise MissingKey(key=key) from None
            raise
