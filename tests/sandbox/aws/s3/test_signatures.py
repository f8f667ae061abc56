"""Requests that are not as their caller signed them are refused, in headers and in URLs."""

import base64
import datetime
import hashlib
import hmac
import re

import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from sandbox.aws.s3.authentication import Authenticator
from sandbox.aws.s3.errors import S3Error
from sandbox.aws.s3.signatures import split_query

from .conftest import KEY, REGION, SECRET, TEMPORARY, TOKEN

SIGNED_AT = datetime.datetime(2013, 5, 24, tzinfo=datetime.UTC)
EXAMPLE_KEY, EXAMPLE_SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
EMPTY = hashlib.sha256(b"").hexdigest()


def authenticator(hours=0, minutes=0):
    now = SIGNED_AT + datetime.timedelta(hours=hours, minutes=minutes)
    return Authenticator({EXAMPLE_KEY: (EXAMPLE_SECRET, None)}.get, lambda: now, "us-east-1")


def test_the_presigned_url_of_the_aws_documentation_is_accepted_until_it_expires():
    """The example of docs.aws.amazon.com, "Authenticating Requests: Using Query Parameters"."""
    query = split_query(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    request = ("GET", "/test.txt", query, {"host": "examplebucket.s3.amazonaws.com"})
    assert authenticator(hours=23).verify(*request).access_key_id == EXAMPLE_KEY
    with pytest.raises(S3Error, match="Request has expired"):
        authenticator(hours=25).verify(*request)


def test_the_signed_header_of_the_aws_documentation_is_accepted_for_a_quarter_of_an_hour():
    """The example of docs.aws.amazon.com, "Signature Calculations for the Authorization Header", GET Object."""
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "range": "bytes=0-9",
        "x-amz-content-sha256": EMPTY,
        "x-amz-date": "20130524T000000Z",
        "authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        ),
    }
    assert authenticator(minutes=14).verify("GET", "/test.txt", [], headers).payload == EMPTY
    with pytest.raises(S3Error, match="RequestTimeTooSkewed"):
        authenticator(minutes=16).verify("GET", "/test.txt", [], headers)
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        authenticator().verify("GET", "/other.txt", [], headers)
    with pytest.raises(S3Error, match="not signed"):
        authenticator().verify("GET", "/test.txt", [], {**headers, "x-amz-acl": "public-read"})


def test_the_signed_chunks_of_the_aws_documentation_have_the_signatures_that_it_tells():
    """The example of docs.aws.amazon.com, "Signature Calculations: Transferring Payload in Multiple Chunks"."""
    headers = {
        "content-encoding": "aws-chunked",
        "content-length": "66824",
        "host": "s3.amazonaws.com",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-date": "20130524T000000Z",
        "x-amz-decoded-content-length": "66560",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
            "x-amz-decoded-content-length;x-amz-storage-class,"
            "Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
        ),
    }
    chunks = authenticator().verify("PUT", "/examplebucket/chunkObject.txt", [], headers).chunks
    assert chunks is not None
    found = [chunks.next(hashlib.sha256(b"a" * size).hexdigest()) for size in (65536, 1024, 0)]
    assert found == [
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ]


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"secret": "another"}, "SignatureDoesNotMatch"),
        ({"key": "AKIANOBODY"}, "InvalidAccessKeyId"),
        ({"key": TEMPORARY}, "InvalidToken"),
        ({"key": TEMPORARY, "token": "stale"}, "InvalidToken"),
    ],
)
def test_keys_that_are_not_the_callers_are_refused(s3, keys, code):
    with pytest.raises(ClientError, match=code):
        s3.client(**keys).list_buckets()


def test_temporary_keys_work_with_their_token(s3):
    bucket = s3.bucket()
    s3.client(key=TEMPORARY, token=TOKEN).put_object(Bucket=bucket, Key="k", Body=b"1")
    last = s3.lines()[-1]
    assert (last["action"], last["principal"], last["status"]) == ("PutObject", f"{TEMPORARY} of somebody", 200)


def test_a_caller_whose_clock_is_wrong_is_refused(s3):
    s3.shift[0] = datetime.timedelta(minutes=16)
    try:
        with pytest.raises(ClientError, match="RequestTimeTooSkewed"):
            s3.client().list_buckets()
    finally:
        s3.shift[0] = datetime.timedelta()


def presigned(s3, bucket, seconds=60, **parameters):
    request = {"Bucket": bucket, "Key": "a b/ü+%.db", **parameters}
    return str(s3.client().generate_presigned_url("put_object", Params=request, ExpiresIn=seconds))


def test_a_url_lives_as_long_as_it_says(s3):
    bucket = s3.bucket()
    url = presigned(s3, bucket, seconds=60)
    assert requests.put(url, data=b"1", timeout=5).status_code == 200
    s3.shift[0] = datetime.timedelta(seconds=62)
    try:
        late = requests.put(url, data=b"1", timeout=5)
    finally:
        s3.shift[0] = datetime.timedelta()
    assert (late.status_code, "Request has expired" in late.text) == (403, True)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (lambda url: url.replace(".db", ".dc"), 403, "SignatureDoesNotMatch"),
        (lambda url: url.replace("Expires=60", "Expires=6000"), 403, "SignatureDoesNotMatch"),
        (lambda url: url.replace("Expires=60", "Expires=700000"), 400, "AuthorizationQueryParametersError"),
        (lambda url: url.replace(REGION, "us-east-1"), 400, "AuthorizationQueryParametersError"),
        (lambda url: url + "&versionId=null", 403, "SignatureDoesNotMatch"),
        (lambda url: re.sub("X-Amz-Signature=[^&]*", "", url), 403, "AccessDenied"),
        (lambda url: re.sub("&X-Amz-Date=[^&]*", "", url), 400, "AuthorizationQueryParametersError"),
        (lambda url: re.sub("host", "range", url), 403, "AccessDenied"),
        (lambda url: url.partition("?")[0], 403, "AccessDenied"),
    ],
)
def test_an_altered_url_is_refused(s3, change, status, code):
    url = presigned(s3, s3.bucket())
    refused = requests.put(change(url), data=b"1", timeout=5)
    assert (refused.status_code, code in refused.text) == (status, True), refused.text


def test_headers_of_amazon_that_were_not_signed_are_refused(s3):
    url = presigned(s3, s3.bucket())
    for name in ("x-amz-meta-added", "x-amz-tagging", "x-amz-checksum-sha256"):
        refused = requests.put(url, data=b"1", headers={name: "a=b"}, timeout=5)
        assert (refused.status_code, "not signed" in refused.text) == (403, True)


def test_a_signed_header_must_come_as_it_was_signed(s3):
    url = presigned(s3, s3.bucket(), IfNoneMatch="*")
    assert requests.put(url, data=b"1", timeout=5).status_code == 403
    assert requests.put(url, data=b"1", headers={"If-None-Match": "*"}, timeout=5).status_code == 200


def test_a_signature_of_the_second_version_is_refused(s3):
    url = s3.client(signature_version="s3").generate_presigned_url("put_object", Params={"Bucket": "b", "Key": "k"})
    assert "AWSAccessKeyId" in url
    refused = requests.put(url, data=b"1", timeout=5)
    assert (refused.status_code, "AWS4-HMAC-SHA256" in refused.text) == (400, True)


def send_in_chunks(s3, bucket, body, *, payload, trailer="", break_chunk=None):
    """A PUT whose body comes in chunks, as SDKs send them; the answer."""
    url = f"{s3.url}/{bucket}/chunked"
    headers = {
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(len(body)),
        "X-Amz-Content-SHA256": payload,
    }
    if trailer:
        headers["x-amz-trailer"] = trailer.partition(":")[0]
    request = AWSRequest("PUT", url, headers=headers)
    signer = S3SigV4Auth(Credentials(KEY, SECRET), "s3", REGION)
    signer.payload = lambda _: payload
    signer.add_auth(request)
    authorization = request.headers["Authorization"]
    previous, date = authorization.rpartition("Signature=")[2], request.headers["X-Amz-Date"]
    scope = f"{date[:8]}/{REGION}/s3/aws4_request"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    framed = b""
    for number, chunk in enumerate([body[:70_000], body[70_000:], b""]):
        extension = ""
        if payload.startswith("STREAMING-AWS4"):
            lines = ["AWS4-HMAC-SHA256-PAYLOAD", date, scope, previous, EMPTY, hashlib.sha256(chunk).hexdigest()]
            previous = hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()
            extension = f";chunk-signature={previous}"
        sent = b"x" * len(chunk) if number == break_chunk else chunk
        framed += f"{len(chunk):x}{extension}\r\n".encode() + sent + (b"\r\n" if chunk else b"")
    framed += f"{trailer}\r\n".encode() if trailer else b""
    return requests.put(url, data=framed + b"\r\n", headers=dict(request.headers), timeout=5)


BODY = bytes(range(256)) * 400


def test_a_body_in_signed_chunks_is_verified_chunk_by_chunk(s3):
    bucket, payload = s3.bucket(), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    refused = send_in_chunks(s3, bucket, BODY, payload=payload, break_chunk=1)
    assert (refused.status_code, "SignatureDoesNotMatch" in refused.text) == (403, True)
    assert send_in_chunks(s3, bucket, BODY, payload=payload).status_code == 200
    stored = s3.client().get_object(Bucket=bucket, Key="chunked")
    assert (stored["Body"].read(), stored.get("ContentEncoding")) == (BODY, None)


def test_a_checksum_behind_the_body_is_verified(s3):
    bucket, payload = s3.bucket(), "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

    checksum = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    trailer = f"x-amz-checksum-sha256:{checksum}"
    wrong = send_in_chunks(s3, bucket, BODY, payload=payload, trailer=trailer, break_chunk=0)
    assert (wrong.status_code, "BadDigest" in wrong.text) == (400, True)
    assert send_in_chunks(s3, bucket, BODY, payload=payload, trailer=trailer).status_code == 200
    head = s3.client().head_object(Bucket=bucket, Key="chunked", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == checksum
