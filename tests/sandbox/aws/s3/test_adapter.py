"""The bucket's adapter: one body of tests over the form in memory, the sandbox's S3 and, as a referee, rclone's.

What rclone's S3 does not do is told by a mark at each test: it fails there, and the mark tells once it no longer does.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from lifeboat.adapters.s3 import BackupBucket
from lifeboat.errors import BackupUnprovenError, ConflictError
from lifeboat.ports import OpenUpload, StoredPart, composite_of
from sandbox.aws.s3.operations import listing
from tests.unit.memory import MemoryStore

from .conftest import KEY, SECRET, client_of

KEY_OF_SNAPSHOT = "hosted-clusters/c/blue/etcd/snapshot-1.db"
FIRST, LAST = bytes(range(256)) * (5 * 1024 * 1024 // 256), b"the end"
CURL = shutil.which("curl")
OWN_CURL = Path(__file__).parents[4] / "sandbox" / "node" / "curl.py"


@pytest.fixture(scope="session")
def rclone(tmp_path_factory):
    """A client of `rclone serve s3` over a folder."""
    program = Path(sys.executable).with_name("rclone")
    folder = tmp_path_factory.mktemp("rclone")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [program, "serve", "s3", "--config", os.devnull, "--auth-key", f"{KEY},{SECRET}", "--addr", address]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, folder / "data"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"HOME": str(folder)}
        )
    client = client_of(f"http://{address}", connect_timeout=5, read_timeout=10)
    deadline = time.monotonic() + 20
    while True:
        try:
            client.list_buckets()
            break
        except Exception:  # noqa: BLE001 - it does not listen yet
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
    yield client
    process.kill()
    process.wait()


@pytest.fixture(params=["memory", "own", "rclone"])
def store(request, s3):
    missing = request.node.get_closest_marker("rclone_lacks")
    if request.param == "rclone" and missing:
        request.applymarker(pytest.mark.xfail(reason=f"rclone's S3 has no {missing.args[0]}", strict=True))
    if request.param == "memory":
        return MemoryStore()
    if request.param == "own":
        return BackupBucket(s3.client(), s3.bucket(versioning=True, kms=True))
    client = request.getfixturevalue("rclone")
    bucket = f"bucket-{time.monotonic_ns()}"
    client.create_bucket(Bucket=bucket)
    # Where there is no upload at all rclone's S3 answers a list of them with an error, which S3 never does.
    client.create_multipart_upload(Bucket=bucket, Key="never/ended")
    return BackupBucket(client, bucket)


rclone_lacks = pytest.mark.rclone_lacks


def part_of(number, body):
    return StoredPart(number, len(body), hashlib.sha256(body).hexdigest())


def uploaded(store, key=KEY_OF_SNAPSHOT, bodies=(FIRST, LAST)):
    upload_id = store.open_upload(key)
    return upload_id, [store.put_part(key, upload_id, number, body) for number, body in enumerate(bodies, start=1)]


def test_an_upload_that_is_open_is_found_again(store):
    first = store.open_upload(KEY_OF_SNAPSHOT)
    assert store.open_upload(KEY_OF_SNAPSHOT) == first
    longer = store.open_upload(KEY_OF_SNAPSHOT + ".other")
    assert longer != first
    assert store.open_upload(KEY_OF_SNAPSHOT) == first
    expected = {OpenUpload(KEY_OF_SNAPSHOT, first), OpenUpload(KEY_OF_SNAPSHOT + ".other", longer)}
    assert set(store.open_uploads("hosted-clusters/c/blue/")) == expected
    assert store.open_uploads("hosted-clusters/c/green/") == []


def test_parts_become_one_object(store):
    upload_id, parts = uploaded(store)
    sizes = [(each.number, each.size, each.etag) for each in store.stored_parts(KEY_OF_SNAPSHOT, upload_id)]
    assert sizes == [(each.number, each.size, each.etag) for each in parts]
    assert [each.number for each in store.stored_parts(KEY_OF_SNAPSHOT, upload_id, after=1)] == [2]
    try:
        store.complete_upload(KEY_OF_SNAPSHOT, upload_id, parts)
    except BackupUnprovenError:
        assert store.head(KEY_OF_SNAPSHOT).composite is None  # rclone's S3 keeps no checksum: rightly not believed
    assert store.get(KEY_OF_SNAPSHOT) == FIRST + LAST
    assert store.get_range(KEY_OF_SNAPSHOT, None, len(FIRST) - 2, 4) == FIRST[-2:] + LAST[:2]
    assert store.stored_parts(KEY_OF_SNAPSHOT, upload_id) is None
    store.abort_upload(KEY_OF_SNAPSHOT, upload_id)


@rclone_lacks("checksums of parts and objects")
def test_a_completed_upload_is_proven_by_the_checksums_of_its_parts(store):
    upload_id, parts = uploaded(store)
    assert store.stored_parts(KEY_OF_SNAPSHOT, upload_id) == parts
    done = store.complete_upload(KEY_OF_SNAPSHOT, upload_id, parts)
    assert (done.size, done.sha256, done.composite) == (
        len(FIRST + LAST),
        None,
        composite_of([each.sha256 for each in parts]),
    )
    assert store.head(KEY_OF_SNAPSHOT, done.version_id) == done
    assert store.complete_upload(KEY_OF_SNAPSHOT, upload_id, parts) == done


def test_other_parts_than_were_read_are_unproven(store):
    upload_id, (first, _) = uploaded(store)
    other = StoredPart(2, len(LAST), hashlib.sha256(b"another").hexdigest(), first.etag)
    with pytest.raises(BackupUnprovenError):
        store.complete_upload(KEY_OF_SNAPSHOT, upload_id, [first, other])
    assert store.head(KEY_OF_SNAPSHOT) is None


@rclone_lacks("create-if-absent (If-None-Match)")
def test_an_object_that_exists_is_not_replaced(store):
    upload_id, parts = uploaded(store)
    store.put(KEY_OF_SNAPSHOT, b"there before")
    with pytest.raises(BackupUnprovenError):
        store.complete_upload(KEY_OF_SNAPSHOT, upload_id, parts)
    assert store.get(KEY_OF_SNAPSHOT) == b"there before"
    with pytest.raises(BackupUnprovenError):
        store.put(KEY_OF_SNAPSHOT, b"something else")


def test_an_aborted_upload_is_gone(store):
    upload_id, _ = uploaded(store, bodies=(LAST,))
    for _ in range(2):
        store.abort_upload(KEY_OF_SNAPSHOT, upload_id)
    assert store.stored_parts(KEY_OF_SNAPSHOT, upload_id) is None
    assert store.open_uploads(KEY_OF_SNAPSHOT) == []
    with pytest.raises(ConflictError):
        store.put_part(KEY_OF_SNAPSHOT, upload_id, 1, LAST)


def test_what_is_listed_is_told_with_its_size(store):
    for key in ("x/1/a", "x/2/b", "y"):
        store.put(key, key.encode())
    assert [(each.key, each.size) for each in store.objects_below("x/")] == [("x/1/a", 5), ("x/2/b", 5)]
    assert (store.keys("x/"), store.folders("x/")) == (["x/1/a", "x/2/b"], ["1", "2"])
    assert store.get_range("y", None, 1, 5) is None
    store.delete("y")
    assert (store.head("y"), store.get("y"), store.keys("y")) == (None, None, [])


@rclone_lacks("versions")
@pytest.mark.parametrize("store", ["own", "rclone"], indirect=True)
def test_a_version_outlives_its_deletion(store):
    version = store.put("k", b"1").version_id
    store.delete("k")
    assert store.get("k", version) == b"1"


def curl(url, headers, file):
    """PUT by curl, as pods do; the HTTP status."""
    program = [CURL] if CURL else [sys.executable, str(OWN_CURL)]
    command = [*program, "-s", "-m", "20", "-o", os.devnull, "-w", "%{http_code}", "-T", str(file), url]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    return subprocess.run(command, capture_output=True, check=False, timeout=30).stdout.decode()


@pytest.mark.parametrize("store", ["own", "rclone"], indirect=True)
def test_curl_puts_parts_several_at_once_by_urls_that_were_signed(store, tmp_path):
    upload_id = store.open_upload(KEY_OF_SNAPSHOT)
    bodies = [FIRST, FIRST[::-1], FIRST, LAST]
    statuses = {}

    def put(number, body):
        (tmp_path / str(number)).write_bytes(body)
        url, headers = store.presigned_part(KEY_OF_SNAPSHOT, upload_id, part_of(number, body), 60)
        statuses[number] = curl(url, headers, tmp_path / str(number))

    threads = [threading.Thread(target=put, args=each) for each in enumerate(bodies, start=1)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert set(statuses.values()) == {"200"}
    stored = store.stored_parts(KEY_OF_SNAPSHOT, upload_id)
    assert [(each.number, each.size) for each in stored] == [(n, len(body)) for n, body in enumerate(bodies, start=1)]


@rclone_lacks("checksums of parts")
@pytest.mark.parametrize("store", ["own", "rclone"], indirect=True)
def test_a_url_takes_no_other_bytes_than_it_was_signed_for(store, tmp_path):
    upload_id = store.open_upload(KEY_OF_SNAPSHOT)
    url, headers = store.presigned_part(KEY_OF_SNAPSHOT, upload_id, part_of(1, LAST), 60)
    (tmp_path / "other").write_bytes(b"THE END")
    assert curl(url, headers, tmp_path / "other") == "400"
    assert store.stored_parts(KEY_OF_SNAPSHOT, upload_id) == []


@pytest.mark.parametrize("store", ["own", "rclone"], indirect=True)
def test_a_url_takes_no_other_checksum_part_or_key_than_it_was_signed_for(store, tmp_path):
    upload_id = store.open_upload(KEY_OF_SNAPSHOT)
    url, headers = store.presigned_part(KEY_OF_SNAPSHOT, upload_id, part_of(1, LAST), 60)
    (tmp_path / "body").write_bytes(LAST)
    other = {"x-amz-checksum-sha256": "A" * 43 + "="}
    assert curl(url, other, tmp_path / "body") == "403"
    assert curl(url.replace("partNumber=1", "partNumber=2"), headers, tmp_path / "body") == "403"
    assert curl(url.replace("snapshot-1", "snapshot-2"), headers, tmp_path / "body") == "403"
    assert curl(url, headers, tmp_path / "body") == "200"


def test_more_than_a_page_of_parts_and_uploads_is_read(s3, monkeypatch):
    monkeypatch.setattr(listing, "_PAGE", 2)
    store = BackupBucket(s3.client(), s3.bucket())
    upload_id, parts = uploaded(store, bodies=(LAST,) * 5)
    for number in range(4):
        store.open_upload(f"{KEY_OF_SNAPSHOT}.{number}")
    assert store.stored_parts(KEY_OF_SNAPSHOT, upload_id) == parts
    assert [each.number for each in store.stored_parts(KEY_OF_SNAPSHOT, upload_id, after=2)] == [3, 4, 5]
    assert len(store.open_uploads(KEY_OF_SNAPSHOT)) == 5
    assert store.open_upload(KEY_OF_SNAPSHOT) == upload_id


def test_two_that_open_at_once_agree_on_the_older_upload(s3, monkeypatch):
    client, bucket = s3.client(), s3.bucket()
    create, older = client.create_multipart_upload, []

    def create_after_somebody_else(**parameters):
        older.append(create(**parameters)["UploadId"])
        return create(**parameters)

    monkeypatch.setattr(client, "create_multipart_upload", create_after_somebody_else)
    store = BackupBucket(client, bucket)
    assert [store.open_upload(KEY_OF_SNAPSHOT)] == older
    assert store.open_uploads("") == [OpenUpload(KEY_OF_SNAPSHOT, older[0])]


def test_an_upload_that_somebody_aborts_at_once_is_asked_for_again(s3, monkeypatch):
    client, bucket = s3.client(), s3.bucket()
    create = client.create_multipart_upload

    def create_and_lose(**parameters):
        client.abort_multipart_upload(Bucket=bucket, Key=KEY_OF_SNAPSHOT, UploadId=create(**parameters)["UploadId"])

    monkeypatch.setattr(client, "create_multipart_upload", create_and_lose)
    with pytest.raises(ConflictError):
        BackupBucket(client, bucket).open_upload(KEY_OF_SNAPSHOT)


def test_a_conflict_ends_the_upload_and_is_told_as_one(s3, monkeypatch):
    """S3 wants the upload begun anew after a 409."""
    client, bucket = s3.client(), s3.bucket()
    store = BackupBucket(client, bucket)
    upload_id, parts = uploaded(store)
    answer = {"Error": {"Code": "ConditionalRequestConflict", "Message": ""}}

    def conflict(**_):
        client.abort_multipart_upload(Bucket=bucket, Key=KEY_OF_SNAPSHOT, UploadId=upload_id)
        raise ClientError(answer, "CompleteMultipartUpload")

    complete = client.complete_multipart_upload
    monkeypatch.setattr(client, "complete_multipart_upload", conflict)
    with pytest.raises(ConflictError):
        store.complete_upload(KEY_OF_SNAPSHOT, upload_id, parts)
    monkeypatch.setattr(client, "complete_multipart_upload", complete)
    with pytest.raises(BackupUnprovenError, match="start again"):
        store.complete_upload(KEY_OF_SNAPSHOT, upload_id, parts)
