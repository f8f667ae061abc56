"""What was acknowledged is there after a kill, what was not is nowhere, and no size fills the memory."""

import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox.aws.s3.callers import answer
from sandbox.aws.s3.model import Attributes
from sandbox.aws.s3.store import Store
from sandbox.plan import Plan

from .conftest import client_of

MIB = 1 << 20


class Process:
    """S3 of a plan in a process of its own; this one tells it whose keys are whose."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "sandbox.aws.s3", str(self.plan.run / "plan.json")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"ready\n"
        keys = {self.plan.access_key_id: (self.plan.secret_access_key, None)}
        arguments = (self.process.stdout, self.process.stdin, keys.get, lambda key: f"principal of {key}")
        self.answers = threading.Thread(target=answer, args=arguments)
        self.answers.start()

    def stop(self, *, kill: bool = False) -> None:
        self.process.kill() if kill else self.process.terminate()
        self.process.wait(10)
        self.answers.join(10)
        self.process.stdin.close()
        self.process.stdout.close()

    def client(self):
        return client_of(self.plan.s3_url, self.plan.access_key_id, self.plan.secret_access_key)

    def peak_mib(self) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


@pytest.fixture
def process(tmp_path) -> Iterator[Process]:
    process = Process(Plan.create(tmp_path / "run", isolation="rewrite"))
    yield process
    process.stop()


@pytest.fixture
def bucket(process):
    client = process.client()
    client.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    client.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    return "bucket"


def test_a_kill_leaves_what_was_acknowledged_and_no_half_of_anything(process, bucket):
    client = process.client()
    kept = client.put_object(Bucket=bucket, Key="kept", Body=b"1" * MIB)["VersionId"]
    client.put_object(Bucket=bucket, Key="deleted", Body=b"1")
    client.delete_object(Bucket=bucket, Key="deleted")
    names = {"Bucket": bucket, "Key": "open"}
    names["UploadId"] = client.create_multipart_upload(**names)["UploadId"]
    client.upload_part(**names, PartNumber=1, Body=b"2" * MIB)
    requests = [
        ("put_object", {"Bucket": bucket, "Key": "half"}),
        ("upload_part", {**names, "PartNumber": 2}),
        ("upload_part", {**names, "PartNumber": 1}),
    ]
    connections = []
    for method, parameters in requests:
        url = urlsplit(client.generate_presigned_url(method, Params=parameters))
        connection = http.client.HTTPConnection(url.hostname, url.port)
        connection.putrequest("PUT", f"{url.path}?{url.query}")
        connection.putheader("Content-Length", str(4 * MIB))
        connection.endheaders()
        connection.send(b"3" * MIB)
        connections.append(connection)
    deadline = time.monotonic() + 5
    while sum(each.stat().st_size for each in process.plan.run.glob("s3/tmp/*/*")) < 3 * MIB:
        assert time.monotonic() < deadline, "the half bodies did not arrive"
        time.sleep(0.02)
    process.stop(kill=True)
    process.start()
    for each in connections:
        each.close()
    assert not list(process.plan.run.glob("s3/tmp/*"))
    assert [each["Key"] for each in client.list_objects_v2(Bucket=bucket)["Contents"]] == ["kept"]
    assert client.get_object(Bucket=bucket, Key="kept", VersionId=kept)["Body"].read() == b"1" * MIB
    assert len(client.list_object_versions(Bucket=bucket)["DeleteMarkers"]) == 1
    parts = client.list_parts(**names)["Parts"]
    assert [(each["PartNumber"], each["Size"]) for each in parts] == [(1, MIB)]
    named = [{"PartNumber": 1, "ETag": parts[0]["ETag"]}]
    client.complete_multipart_upload(**names, MultipartUpload={"Parts": named})
    assert client.get_object(Bucket=bucket, Key="open")["Body"].read() == b"2" * MIB


def test_what_a_kill_left_between_two_renames_is_tidied_up(tmp_path):
    store = Store(tmp_path)
    store.create_bucket("b", object_lock=False)
    bucket = store.bucket("b")
    upload = store.open_upload(bucket, "k", None, Attributes())
    folder = store.disk.upload_folder(bucket, upload)
    (folder / "1.stray").write_bytes(b"a part without its JSON")
    (folder / "meta.json").write_text("{}")
    unborn = tmp_path / "buckets" / "b" / "uploads" / "unborn"
    unborn.mkdir()
    (tmp_path / "buckets" / "unborn").mkdir()
    again = Store(tmp_path)
    assert list(again.bucket("b").uploads) == [upload.upload_id]
    assert sorted(each.name for each in folder.iterdir()) == ["upload.json"]
    assert not unborn.exists()
    assert list(again.buckets) == ["b"]


def test_large_objects_pass_in_little_memory(process, bucket, tmp_path):
    client = process.client()
    with (tmp_path / "large").open("wb") as file:
        file.truncate(192 * MIB)
    with (tmp_path / "large").open("rb") as file:
        client.put_object(Bucket=bucket, Key="large", Body=file)
    body = client.get_object(Bucket=bucket, Key="large")["Body"]
    assert sum(len(block) for block in iter(lambda: body.read(MIB), b"")) == 192 * MIB
    client.delete_object(
        Bucket=bucket, Key="large", VersionId=client.head_object(Bucket=bucket, Key="large")["VersionId"]
    )
    assert process.peak_mib() < 100


def test_an_unknown_key_is_asked_for_and_refused(process, bucket):
    with pytest.raises(Exception, match="InvalidAccessKeyId"):
        client_of(process.plan.s3_url, "AKIANOBODY").list_buckets()
    assert '"principal of AKIANOBODY"' in process.plan.aws_calls.read_text().splitlines()[-1]
