"""Objects: what is stored is what was sent, once where asked, and read back by range, version and condition."""

import base64
import hashlib
import socket
import threading
import zlib

import pytest
import requests
from botocore.exceptions import ClientError

BODY = bytes(range(256)) * 40


def base64_of(body):
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"ChecksumSHA256": base64_of(b"other")}, "BadDigest"),
        ({"ChecksumSHA1": base64.b64encode(hashlib.sha1(b"other").digest()).decode()}, "BadDigest"),
        ({"ChecksumCRC32": base64.b64encode(zlib.crc32(b"other").to_bytes(4, "big")).decode()}, "BadDigest"),
        ({"ChecksumSHA256": "c2hvcnQ="}, "InvalidRequest"),
        ({"ContentMD5": base64.b64encode(hashlib.md5(b"other").digest()).decode()}, "BadDigest"),
        ({"ContentMD5": "nonsense"}, "InvalidDigest"),
        ({"ChecksumCRC64NVME": "AAAAAAAAAAA="}, "NotImplemented"),
    ],
)
def test_other_bytes_than_announced_are_refused_and_not_stored(s3, given, code):
    client, bucket = s3.client(), s3.bucket()
    with pytest.raises(ClientError, match=code):
        client.put_object(Bucket=bucket, Key="k", Body=BODY, **given)
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert not list((s3.root / "tmp").iterdir())


def test_a_hash_that_was_signed_for_another_body_is_refused(s3):
    client, bucket = s3.client(request_checksum_calculation="when_required"), s3.bucket()

    def exchange(request, **_):
        request.body = b"x" * len(BODY)

    client.meta.events.register("before-send.s3.PutObject", exchange)
    with pytest.raises(ClientError, match="XAmzContentSHA256Mismatch"):
        client.put_object(Bucket=bucket, Key="k", Body=BODY)


def test_two_checksums_are_refused(s3):
    bucket = s3.bucket()
    crc = base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode()
    with pytest.raises(ClientError, match="Multiple checksum Types"):
        s3.client().put_object(Bucket=bucket, Key="k", Body=BODY, ChecksumSHA256=base64_of(BODY), ChecksumCRC32=crc)


def test_what_was_put_is_told_and_given_back(s3):
    client, bucket = s3.client(), s3.bucket(versioning=True)
    put = client.put_object(
        Bucket=bucket,
        Key="a b/ü",
        Body=BODY,
        ChecksumSHA256=base64_of(BODY),
        ContentType="application/yaml",
        Metadata={"Kind": "online"},
        Tagging="state=new&x=%C3%BC",
    )
    head = client.head_object(Bucket=bucket, Key="a b/ü", ChecksumMode="ENABLED")
    assert head["ETag"] == put["ETag"] == f'"{hashlib.md5(BODY).hexdigest()}"'
    assert (head["ContentLength"], head["ContentType"], head["Metadata"]) == (
        len(BODY),
        "application/yaml",
        {"kind": "online"},
    )
    assert (head["ChecksumSHA256"], head["ChecksumType"], head["VersionId"]) == (
        base64_of(BODY),
        "FULL_OBJECT",
        put["VersionId"],
    )
    assert head["ServerSideEncryption"] == "AES256"
    tags = client.get_object_tagging(Bucket=bucket, Key="a b/ü")["TagSet"]
    assert tags == [{"Key": "state", "Value": "new"}, {"Key": "x", "Value": "ü"}]
    assert client.get_object(Bucket=bucket, Key="a b/ü")["Body"].read() == BODY
    told = client.get_object_attributes(
        Bucket=bucket, Key="a b/ü", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "ObjectParts"]
    )
    assert (told["ObjectSize"], told["Checksum"]["ChecksumSHA256"], "ObjectParts" in told) == (
        len(BODY),
        base64_of(BODY),
        False,
    )


def test_the_etag_of_an_object_under_kms_is_no_digest(s3):
    client, bucket = s3.client(), s3.bucket(kms=True)
    put = client.put_object(Bucket=bucket, Key="k", Body=BODY)
    assert put["ETag"] != f'"{hashlib.md5(BODY).hexdigest()}"'
    head = client.head_object(Bucket=bucket, Key="k")
    assert (head["ETag"], head["ServerSideEncryption"], head["BucketKeyEnabled"]) == (put["ETag"], "aws:kms", True)
    assert head["SSEKMSKeyId"] == "arn:aws:kms:us-east-2:123456789012:key/k"


@pytest.mark.parametrize(
    ("asked", "told", "span"),
    [
        ("bytes=0-0", "bytes 0-0/10240", slice(0, 1)),
        ("bytes=10000-", "bytes 10000-10239/10240", slice(10000, None)),
        ("bytes=-240", "bytes 10000-10239/10240", slice(10000, None)),
        ("bytes=10239-99999", "bytes 10239-10239/10240", slice(10239, None)),
    ],
)
def test_a_range_is_read(s3, asked, told, span):
    client, bucket = s3.client(), s3.bucket()
    client.put_object(Bucket=bucket, Key="k", Body=BODY)
    answer = client.get_object(Bucket=bucket, Key="k", Range=asked)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert (answer["ContentRange"], answer["Body"].read()) == (told, BODY[span])


def test_a_range_behind_the_end_is_refused(s3):
    client, bucket = s3.client(), s3.bucket()
    client.put_object(Bucket=bucket, Key="k", Body=BODY)
    with pytest.raises(ClientError, match="InvalidRange"):
        client.get_object(Bucket=bucket, Key="k", Range="bytes=10240-")


def test_conditions_of_readers_hold(s3):
    client, bucket = s3.client(), s3.bucket()
    etag = client.put_object(Bucket=bucket, Key="k", Body=BODY)["ETag"]
    with pytest.raises(ClientError, match="304"):
        client.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        client.get_object(Bucket=bucket, Key="k", IfMatch='"other"')


def test_versions_stay_behind_a_delete_marker(s3):
    client, bucket = s3.client(), s3.bucket(versioning=True)
    first, second = (client.put_object(Bucket=bucket, Key="k", Body=each)["VersionId"] for each in (b"1", b"2"))
    marker = client.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] is True
    with pytest.raises(ClientError, match="NoSuchKey") as gone:
        client.get_object(Bucket=bucket, Key="k")
    assert gone.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    with pytest.raises(ClientError, match="MethodNotAllowed"):
        client.get_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert client.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"1"
    listed = client.list_object_versions(Bucket=bucket)
    assert [each["VersionId"] for each in listed["Versions"]] == [second, first]
    assert [each["VersionId"] for each in listed["DeleteMarkers"]] == [marker["VersionId"]]
    client.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"
    client.delete_object(Bucket=bucket, Key="k", VersionId=second)
    with pytest.raises(ClientError, match="NoSuchVersion"):
        client.get_object(Bucket=bucket, Key="k", VersionId=second)


def test_without_versions_the_last_write_is_all_there_is(s3):
    client, bucket = s3.client(), s3.bucket()
    for body in (b"1", b"2"):
        client.put_object(Bucket=bucket, Key="k", Body=body)
    assert [each["VersionId"] for each in client.list_object_versions(Bucket=bucket)["Versions"]] == ["null"]
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"
    client.delete_object(Bucket=bucket, Key="k")
    assert "Versions" not in client.list_object_versions(Bucket=bucket)
    assert not list((s3.root / "buckets" / bucket / "versions").iterdir())


def test_of_many_that_may_write_only_once_one_does(s3):
    bucket, outcomes = s3.bucket(versioning=True), []

    def write(number):
        try:
            s3.client().put_object(Bucket=bucket, Key="k", Body=str(number).encode(), IfNoneMatch="*")
            outcomes.append(str(number).encode())
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    (written,) = [each for each in outcomes if isinstance(each, bytes)]
    assert outcomes.count("PreconditionFailed") == 7
    assert s3.client().get_object(Bucket=bucket, Key="k")["Body"].read() == written


def test_a_conditional_write_that_met_a_delete_is_a_conflict(s3):
    bucket = s3.bucket(versioning=True)
    url = s3.client().generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k", "IfNoneMatch": "*"})
    host, _, port = s3.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        path = url.removeprefix(s3.url)
        head = f"PUT {path} HTTP/1.1\r\nHost: {host}:{port}\r\nIf-None-Match: *\r\nContent-Length: 2\r\n\r\n1"
        connection.sendall(head.encode())
        for _ in range(100):  # until the request was read and waits for its last byte
            if list((s3.root / "tmp").iterdir()):
                break
            threading.Event().wait(0.02)
        s3.client().delete_object(Bucket=bucket, Key="k")
        connection.sendall(b"2")
        answer = connection.makefile("rb").readline()
    assert b" 409 " in answer


def test_a_condition_on_the_present_object_holds(s3):
    client, bucket = s3.client(), s3.bucket(versioning=True)
    with pytest.raises(ClientError, match="NoSuchKey"):
        client.put_object(Bucket=bucket, Key="k", Body=b"1", IfMatch='"any"')
    etag = client.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    client.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        client.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)


def test_a_body_that_breaks_off_is_not_stored(s3):
    bucket = s3.bucket()
    url = s3.client().generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    host, _, port = s3.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        head = f"PUT {url.removeprefix(s3.url)} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 100\r\n\r\nhalf"
        connection.sendall(head.encode())
        connection.shutdown(socket.SHUT_WR)
        assert b" 400 " in connection.makefile("rb").readline()
    assert s3.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_more_than_five_gib_in_one_put_are_refused_before_they_are_sent(s3):
    bucket = s3.bucket()
    url = s3.client().generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    host, _, port = s3.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        lines = [f"PUT {url.removeprefix(s3.url)} HTTP/1.1", f"Host: {host}:{port}", f"Content-Length: {5 * 2**30 + 1}"]
        connection.sendall("\r\n".join([*lines, "Expect: 100-continue", "", ""]).encode())
        answer = connection.makefile("rb").read()
    assert b" 400 " in answer.splitlines()[0]
    assert b"EntityTooLarge" in answer


def test_a_copy_keeps_bytes_and_metadata_or_takes_new_ones(s3):
    client, bucket = s3.client(), s3.bucket(versioning=True)
    put = client.put_object(
        Bucket=bucket, Key="a", Body=BODY, Metadata={"n": "1"}, ChecksumSHA256=base64_of(BODY), Tagging="t=1"
    )
    client.put_object(Bucket=bucket, Key="a", Body=b"newer")
    source = {"Bucket": bucket, "Key": "a", "VersionId": put["VersionId"]}
    copied = client.copy_object(Bucket=bucket, Key="b", CopySource=source)
    assert copied["CopyObjectResult"]["ChecksumSHA256"] == base64_of(BODY)
    found = client.get_object(Bucket=bucket, Key="b")
    assert (found["Body"].read(), found["Metadata"], found["TagCount"]) == (BODY, {"n": "1"}, 1)
    client.copy_object(Bucket=bucket, Key="b", CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "2"})
    assert client.head_object(Bucket=bucket, Key="b")["Metadata"] == {"n": "2"}


def test_many_are_deleted_at_once(s3):
    client, bucket = s3.client(), s3.bucket(versioning=True)
    version = client.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    objects = [{"Key": "k", "VersionId": version}, {"Key": "never"}]
    gone = client.delete_objects(Bucket=bucket, Delete={"Objects": objects})["Deleted"]
    assert gone[0] == {"Key": "k", "VersionId": version}
    assert gone[1]["DeleteMarker"] is True
    assert s3.lines()[-1]["resources"]["keys"] == ["k", "never"]


def test_what_is_not_offered_says_so(s3):
    with pytest.raises(ClientError, match="NotImplemented"):
        s3.client().get_object_acl(Bucket=s3.bucket(), Key="k")


def test_what_is_not_there_is_told_apart(s3):
    client, bucket = s3.client(), s3.bucket()
    with pytest.raises(ClientError, match="NoSuchKey"):
        client.get_object(Bucket=bucket, Key="k")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        client.get_object(Bucket="nothing", Key="k")
    with pytest.raises(ClientError, match="404"):
        client.head_object(Bucket=bucket, Key="k")
    assert requests.get(s3.url, timeout=5).status_code == 403
