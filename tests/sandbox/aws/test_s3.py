"""S3 at the address of every service: requests reach it as they were signed, and are recorded once."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from .conftest import Aws

BODY = b"a snapshot"
SHA256 = base64.b64encode(hashlib.sha256(BODY).digest()).decode()


@pytest.fixture(scope="module")
def bucket(aws: Aws) -> str:
    aws.client("s3").create_bucket(Bucket="checks", CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    return "checks"


def _put_url(aws: Aws, bucket: str, key: str = "etcd/snapshot.db", seconds: int = 60, **parameters: Any) -> str:
    request = {"Bucket": bucket, "Key": key, **parameters}
    return str(aws.client("s3").generate_presigned_url("put_object", Params=request, ExpiresIn=seconds))


def test_a_presigned_upload_and_download_work(aws: Aws, bucket: str) -> None:
    url = _put_url(aws, bucket, key="a b/ü.db", ChecksumSHA256=SHA256)
    assert requests.put(url, data=BODY, headers={"x-amz-checksum-sha256": SHA256}, timeout=5).status_code == 200
    get = aws.client("s3").generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/ü.db"})
    assert requests.get(get, timeout=5).content == BODY
    head = aws.client("s3").head_object(Bucket=bucket, Key="a b/ü.db", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == SHA256


def test_a_url_signed_with_a_roles_temporary_keys_works_with_its_token_only(aws: Aws, bucket: str) -> None:
    role = "arn:aws:iam::123456789012:role/uploader"
    keys = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    s3 = boto3.client(
        "s3",
        endpoint_url=aws.plan.aws_url,
        region_name="us-east-2",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        config=Config(signature_version="s3v4"),
    )
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "by-role"})
    assert requests.put(url, data=BODY, timeout=5).status_code == 200
    without = re.sub("X-Amz-Security-Token=[^&]*&", "", url)
    assert requests.put(without, data=BODY, timeout=5).status_code == 400


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_uploads_a_file_larger_than_a_buffer(aws: Aws, bucket: str, tmp_path: Path) -> None:
    """curl sends `Expect: 100-continue` with it."""
    body = bytes(range(256)) * 40_000
    (tmp_path / "large").write_bytes(body)
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    url = _put_url(aws, bucket, key="by-curl", ChecksumSHA256=digest)
    headers = ["-H", f"x-amz-checksum-sha256: {digest}", "-H", "Expect: 100-continue"]
    subprocess.run(["curl", "-fsS", *headers, "-T", tmp_path / "large", url], check=True, timeout=20)
    part = aws.client("s3").get_object(Bucket=bucket, Key="by-curl", Range="bytes=256-511")
    assert part["Body"].read() == body[:256]
    head = aws.client("s3").head_object(Bucket=bucket, Key="by-curl", ChecksumMode="ENABLED")
    assert (head["ContentLength"], head["ChecksumSHA256"]) == (len(body), digest)


def test_an_altered_url_is_refused(aws: Aws, bucket: str) -> None:
    refused = requests.put(_put_url(aws, bucket).replace("snapshot.db", "other.db"), data=BODY, timeout=5)
    assert (refused.status_code, "SignatureDoesNotMatch" in refused.text) == (403, True)


def test_multipart_uploads_work_by_presigned_urls(aws: Aws, bucket: str) -> None:
    s3 = aws.client("s3")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="large")["UploadId"]
    part = {"Bucket": bucket, "Key": "large", "UploadId": upload, "PartNumber": 1}
    etag = requests.put(s3.generate_presigned_url("upload_part", Params=part), data=BODY, timeout=5).headers["ETag"]
    parts = {"Parts": [{"ETag": etag, "PartNumber": 1}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="large", UploadId=upload, MultipartUpload=parts)
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == BODY


def test_s3_answers_at_its_own_address_as_well(aws: Aws, bucket: str) -> None:
    direct = boto3.client(
        "s3",
        endpoint_url=aws.plan.s3_url,
        region_name="us-east-2",
        aws_access_key_id=aws.plan.access_key_id,
        aws_secret_access_key=aws.plan.secret_access_key,
    )
    direct.put_object(Bucket=bucket, Key="direct", Body=BODY)
    assert aws.client("s3").get_object(Bucket=bucket, Key="direct")["Body"].read() == BODY


def test_a_large_body_passes_through_in_little_memory(aws: Aws, bucket: str, tmp_path: Path) -> None:
    before = _resident_mib(aws)
    with (tmp_path / "large").open("wb") as file:
        file.truncate(128 << 20)
    with (tmp_path / "large").open("rb") as file:
        aws.client("s3").put_object(Bucket=bucket, Key="large-one", Body=file)
    body = aws.client("s3").get_object(Bucket=bucket, Key="large-one")["Body"]
    assert sum(len(block) for block in iter(lambda: body.read(1 << 20), b"")) == 128 << 20
    assert _resident_mib(aws) - before < 64


def _resident_mib(aws: Aws) -> float:
    """The highest that the process had so far."""
    lines = Path(f"/proc/{aws.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def test_a_refusal_passes_through_though_the_body_was_not_read(aws: Aws, bucket: str) -> None:
    url = _put_url(aws, bucket).replace("snapshot.db", "other.db")
    refused = requests.put(url, data=b"x" * (4 << 20), timeout=10)
    assert (refused.status_code, "SignatureDoesNotMatch" in refused.text) == (403, True)


def test_every_call_is_recorded_with_who_what_and_how_it_ended(aws: Aws, bucket: str) -> None:
    aws.client("ec2").describe_instances(InstanceIds=[])
    with pytest.raises(ClientError):
        aws.client("ec2").terminate_instances(InstanceIds=["i-0123456789abcdef0"])
    lines = [json.loads(line) for line in aws.plan.aws_calls.read_text().splitlines()]
    last = lines[-1]
    assert (last["service"], last["action"], last["principal"]) == ("ec2", "TerminateInstances", "sandbox")
    assert (last["resources"], last["status"]) == ({"InstanceId.1": "i-0123456789abcdef0"}, 400)
    uploads = [line for line in lines if line["action"] == "UploadPart"]
    assert uploads[-1]["resources"] == {"bucket": bucket, "key": "large"}
    assert len(uploads) == 1
