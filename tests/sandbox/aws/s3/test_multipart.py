"""Uploads in parts: only the parts that S3 has, in order, and each as its checksum says."""

import base64
import hashlib
import threading

import pytest
import requests
from botocore.exceptions import ClientError

MIB = 1 << 20
FIRST, LAST = bytes(range(256)) * (5 * MIB // 256), b"the end"


def base64_of(body):
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


@pytest.fixture
def bucket(s3):
    return s3.bucket(versioning=True, kms=True)


@pytest.fixture
def client(s3):
    return s3.client()


class Upload:
    """An upload with checksums of a first part of 5 MiB and a small last one."""

    def __init__(self, client, bucket, key="etcd/snapshot.db", bodies=(FIRST, LAST)):
        self.client, self.bucket, self.key = client, bucket, key
        asked = {"ChecksumAlgorithm": "SHA256", "ChecksumType": "COMPOSITE"}
        self.id = client.create_multipart_upload(Bucket=bucket, Key=key, **asked)["UploadId"]
        self.names = {"Bucket": bucket, "Key": key, "UploadId": self.id}
        self.parts = [self.put(number, body) for number, body in enumerate(bodies, start=1)]

    def put(self, number, body):
        checksum = base64_of(body)
        answer = self.client.upload_part(**self.names, PartNumber=number, Body=body, ChecksumSHA256=checksum)
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

    def complete(self, parts=None, **condition):
        named = {"Parts": self.parts if parts is None else parts}
        return self.client.complete_multipart_upload(**self.names, MultipartUpload=named, **condition)


def test_a_completed_upload_is_one_object_with_a_checksum_of_its_parts_checksums(client, bucket, s3):
    upload = Upload(client, bucket)
    over = hashlib.sha256(hashlib.sha256(FIRST).digest() + hashlib.sha256(LAST).digest())
    expected = base64.b64encode(over.digest()).decode() + "-2"
    assert upload.complete()["ChecksumSHA256"] == expected
    head = client.head_object(Bucket=bucket, Key=upload.key, ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], head["ChecksumType"]) == (expected, "COMPOSITE")
    assert head["ContentLength"] == len(FIRST + LAST)
    assert client.get_object(Bucket=bucket, Key=upload.key)["Body"].read() == FIRST + LAST
    across = client.get_object(Bucket=bucket, Key=upload.key, Range=f"bytes={len(FIRST) - 3}-{len(FIRST) + 2}")
    assert across["Body"].read() == FIRST[-3:] + LAST[:3]
    second = client.get_object(Bucket=bucket, Key=upload.key, PartNumber=2, ChecksumMode="ENABLED")
    assert (second["Body"].read(), second["PartsCount"], second["ChecksumSHA256"]) == (LAST, 2, base64_of(LAST))
    told = client.get_object_attributes(Bucket=bucket, Key=upload.key, ObjectAttributes=["ObjectParts", "Checksum"])
    assert told["Checksum"]["ChecksumSHA256"] == expected.removesuffix("-2")
    assert [each["ChecksumSHA256"] for each in told["ObjectParts"]["Parts"]] == [base64_of(FIRST), base64_of(LAST)]
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchUpload"):
        upload.complete()


def test_without_kms_and_checksums_the_etag_is_that_of_the_parts_digests(client, s3):
    bucket = s3.bucket()
    names = {"Bucket": bucket, "Key": "k"}
    names["UploadId"] = client.create_multipart_upload(**names)["UploadId"]
    etags = [client.upload_part(**names, PartNumber=n, Body=body)["ETag"] for n, body in ((3, FIRST), (7, LAST))]
    parts = [{"PartNumber": n, "ETag": etag} for n, etag in zip((3, 7), etags, strict=True)]
    done = client.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})
    over = hashlib.md5(hashlib.md5(FIRST).digest() + hashlib.md5(LAST).digest()).hexdigest()
    assert done["ETag"] == f'"{over}-2"'


def other(part, **changed):
    return {**part, **changed}


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        (lambda one, two: [two, one], "InvalidPartOrder"),
        (lambda one, two: [one, one], "InvalidPartOrder"),
        (lambda one, two: [one, other(two, PartNumber=3)], "InvalidPart"),
        (lambda one, two: [one, other(two, ETag='"0123456789abcdef0123456789abcdef"')], "InvalidPart"),
        (lambda one, two: [one, other(two, ChecksumSHA256=base64_of(b"other"))], "InvalidPart"),
        (lambda one, two: [one, {"PartNumber": 2, "ETag": two["ETag"]}], "It was missing for part 2"),
        (lambda one, two: [two], "InternalError"),
        (lambda one, two: [], "MalformedXML"),
    ],
)
def test_other_parts_than_s3_has_are_refused_and_the_upload_stays(client, bucket, parts, code):
    upload = Upload(client, bucket)
    with pytest.raises(ClientError, match=code):
        upload.complete(parts(*upload.parts))
    assert upload.complete()["Key"] == upload.key


def test_a_part_that_is_too_small_is_refused_unless_it_is_the_last(client, bucket):
    upload = Upload(client, bucket, bodies=(b"small", b"small too"))
    with pytest.raises(ClientError, match="EntityTooSmall"):
        upload.complete()


def test_a_part_needs_the_checksum_that_its_upload_was_made_with(client, bucket):
    upload = Upload(client, bucket, bodies=())
    url = client.generate_presigned_url("upload_part", Params={**upload.names, "PartNumber": 1})
    refused = requests.put(url, data=LAST, timeout=5)
    assert (refused.status_code, "actual checksum Type: null" in refused.text) == (400, True)
    with pytest.raises(ClientError, match="expected checksum Type: sha256, actual checksum Type: sha1"):
        client.upload_part(**upload.names, PartNumber=1, Body=LAST, ChecksumAlgorithm="SHA1")


def test_a_presigned_part_takes_the_bytes_it_was_signed_for_alone(client, bucket):
    upload = Upload(client, bucket, bodies=())
    checksum = base64_of(LAST)
    request = {**upload.names, "PartNumber": 1, "ChecksumSHA256": checksum}
    url = client.generate_presigned_url("upload_part", Params=request)
    headers = {"x-amz-checksum-sha256": checksum}
    assert requests.put(url, data=b"THE END", headers=headers, timeout=5).status_code == 400
    other_checksum = {"x-amz-checksum-sha256": base64_of(b"THE END")}
    assert requests.put(url, data=b"THE END", headers=other_checksum, timeout=5).status_code == 403
    assert requests.put(url, data=LAST, timeout=5).status_code == 403
    assert "Parts" not in client.list_parts(**upload.names)
    assert requests.put(url, data=LAST, headers=headers, timeout=5).status_code == 200
    (part,) = client.list_parts(**upload.names)["Parts"]
    assert (part["ChecksumSHA256"], part["Size"]) == (checksum, len(LAST))


def test_a_part_that_is_sent_again_replaces_the_first(client, bucket):
    upload = Upload(client, bucket, bodies=(b"first try",))
    upload.parts = [upload.put(1, b"second try")]
    upload.complete()
    assert client.get_object(Bucket=bucket, Key=upload.key)["Body"].read() == b"second try"


def test_parts_and_uploads_are_listed_page_by_page(client, bucket):
    uploads = [Upload(client, bucket, key=key, bodies=()) for key in ("a/2", "a/1", "a/1", "b/1")]
    for number in range(1, 6):
        uploads[0].put(number, LAST)
    pages = client.get_paginator("list_parts").paginate(**uploads[0].names, PaginationConfig={"PageSize": 2})
    assert [part["PartNumber"] for page in pages for part in page["Parts"]] == [1, 2, 3, 4, 5]
    behind = client.list_parts(**uploads[0].names, PartNumberMarker=3)["Parts"]
    assert [part["PartNumber"] for part in behind] == [4, 5]
    pages = client.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket, Prefix="a/", PaginationConfig={"PageSize": 1}
    )
    found = [(each["Key"], each["UploadId"]) for page in pages for each in page["Uploads"]]
    assert found == [("a/1", uploads[1].id), ("a/1", uploads[2].id), ("a/2", uploads[0].id)]
    folders = client.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [each["Prefix"] for each in folders["CommonPrefixes"]] == ["a/", "b/"]


def test_an_aborted_upload_is_gone_with_its_bytes(client, bucket, s3):
    upload = Upload(client, bucket)
    client.abort_multipart_upload(**upload.names)
    for call in (upload.complete, lambda: upload.put(3, LAST), lambda: client.list_parts(**upload.names)):
        with pytest.raises(ClientError, match="NoSuchUpload"):
            call()
    assert not list((s3.root / "buckets" / bucket / "uploads").iterdir())


def test_a_key_that_exists_meanwhile_is_not_overwritten(client, bucket):
    upload = Upload(client, bucket)
    client.put_object(Bucket=bucket, Key=upload.key, Body=b"there before")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        upload.complete(IfNoneMatch="*")
    assert client.get_object(Bucket=bucket, Key=upload.key)["Body"].read() == b"there before"
    assert len(client.list_parts(**upload.names)["Parts"]) == 2


def test_of_two_uploads_that_complete_at_once_one_wins(client, bucket, s3):
    uploads, codes = [Upload(client, bucket) for _ in range(2)], []

    def complete(upload):
        try:
            upload.complete(IfNoneMatch="*")
            codes.append("done")
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=complete, args=(upload,)) for upload in uploads]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(codes) == ["PreconditionFailed", "done"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"}, "cannot be used with the sha256"),
        ({"ChecksumType": "COMPOSITE"}, "can only be used with"),
        ({"ChecksumAlgorithm": "CRC64NVME"}, "NotImplemented"),
    ],
)
def test_checksums_that_an_upload_cannot_have_are_refused(client, bucket, asked, code):
    with pytest.raises(ClientError, match=code):
        client.create_multipart_upload(Bucket=bucket, Key="k", **asked)


def test_a_part_number_out_of_bounds_is_refused(client, bucket):
    upload = Upload(client, bucket, bodies=())
    for number in (0, 10_001):
        with pytest.raises(ClientError, match="between 1 and 10000"):
            upload.put(number, LAST)
