"""Uploads in parts: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html."""

from __future__ import annotations

import hashlib
import time
import uuid
from itertools import pairwise
from xml.etree import ElementTree

from sandbox.aws.s3 import checksums, xml
from sandbox.aws.s3.checksums import Checksum
from sandbox.aws.s3.errors import S3Error, invalid, not_offered, refused
from sandbox.aws.s3.model import Part, Upload
from sandbox.aws.s3.operations import describing
from sandbox.aws.s3.operations.objects import check_key, condition_of
from sandbox.aws.s3.operations.routes import operation
from sandbox.aws.s3.requests import Context, Request, Response
from sandbox.aws.s3.store import Content

MOST_PARTS = 10_000
SMALLEST_PART = 5 * 1024**2
"""Bytes of every part but the last."""


@operation("CreateMultipartUpload", "POST", "object", "uploads")
def create(context: Context, request: Request) -> Response:
    bucket = context.store.bucket(request.bucket)
    check_key(request.key)
    asked, kind = request.headers.get("x-amz-checksum-algorithm"), request.headers.get("x-amz-checksum-type")
    algorithm = checksums.known(asked) if asked else None
    if kind and not algorithm:
        raise invalid("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
    if kind == "FULL_OBJECT" and algorithm == "CRC32":
        raise not_offered("checksums of type FULL_OBJECT for uploads in parts")
    if kind not in {None, "COMPOSITE"}:
        raise invalid(f"The {kind} checksum type cannot be used with the {(asked or '').lower()} checksum algorithm.")
    attributes = describing.attributes_of(bucket, request)
    upload = context.store.open_upload(bucket, request.key, algorithm, attributes)
    headers = describing.encryption_headers(attributes.headers)
    if algorithm:
        headers |= {"x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": "COMPOSITE"}
    names = [("Bucket", bucket.name), ("Key", upload.key), ("UploadId", upload.upload_id)]
    return Response.xml("InitiateMultipartUploadResult", names, headers)


@operation("UploadPart", "PUT", "object", "partNumber", "uploadId")
def upload_part(context: Context, request: Request) -> Response:
    store, bucket = context.store, context.store.bucket(request.bucket)
    upload = store.upload(bucket, request.key, request.query["uploadId"])
    number = request.number("partNumber", 0, MOST_PARTS + 1)
    if not 1 <= number <= MOST_PARTS:
        raise S3Error(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
    describing.require_digest(bucket, upload.attributes, request.headers)
    announced = checksums.announced(request.headers)
    actual = announced.algorithm if announced else checksums.trailing(request.headers)
    if upload.algorithm and actual != upload.algorithm:
        raise invalid(
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, actual checksum "
            f"Type: {actual.lower() if actual else 'null'}"
        )
    with store.disk.incoming() as folder:
        md5 = not describing.is_kms(upload.attributes.headers)
        size, digest, checksum = request.body.save(folder / "part", md5=md5)
        part = Part(number, f"{number}.{uuid.uuid4().hex[:8]}", size, describing.etag(digest), checksum, time.time())
        store.put_part(bucket, upload, part, folder / "part")
    headers = {"ETag": part.etag, **describing.encryption_headers(upload.attributes.headers)}
    if checksum:
        headers[f"x-amz-checksum-{checksum.algorithm.lower()}"] = checksum.value
    return Response(headers=headers)


@operation("UploadPartCopy", "PUT", "object", "partNumber", "uploadId", "copy")
def upload_part_copy(_context: Context, _request: Request) -> Response:
    raise not_offered("UploadPartCopy")


@operation("CompleteMultipartUpload", "POST", "object", "uploadId")
def complete(context: Context, request: Request) -> Response:
    store, bucket = context.store, context.store.bucket(request.bucket)
    condition = condition_of(context, request)
    root = xml.parse(request.body.read(1 << 23), "CompleteMultipartUpload")
    upload = store.upload(bucket, request.key, request.query["uploadId"])
    parts = _named_parts(upload, root.findall("Part"))
    expected = request.headers.get("x-amz-mp-object-size")
    if expected is not None and expected != str(sum(each.size for each in parts)):
        raise invalid("The provided 'x-amz-mp-object-size' header does not match what was computed.")
    checksum = _checksum(upload, parts)
    announced = checksums.announced({
        name: value.partition("-")[0] if name.startswith("x-amz-checksum-") else value
        for name, value in request.headers.items()
    })  # fmt: skip
    if announced and (checksum is None or announced.value != checksum.value.partition("-")[0]):
        raise refused("BadDigest")
    content = Content(parts, _etag(parts), checksum, upload.attributes)
    version = store.complete(bucket, upload, content, condition)
    result: list[tuple[str, xml.Content]] = [
        ("Location", f"http://{request.headers.get('host', '')}/{bucket.name}/{upload.key}"),
        ("Bucket", bucket.name),
        ("Key", upload.key),
        ("ETag", version.etag),
        *([(checksum.element, checksum.value), ("ChecksumType", checksum.type)] if checksum else []),
    ]
    headers = {
        **describing.encryption_headers(upload.attributes.headers),
        **describing.version_header(bucket, version),
    }
    return Response.xml("CompleteMultipartUploadResult", result, headers)


def _named_parts(upload: Upload, named: list[ElementTree.Element]) -> tuple[Part, ...]:
    """The upload's parts as the request names them. Raises S3Error where they are not those that S3 has."""
    if not named:
        raise refused("MalformedXML")
    numbers = [xml.text(each, "PartNumber") or "" for each in named]
    if not all(each.isdigit() for each in numbers):
        raise refused("MalformedXML")
    if any(int(first) >= int(second) for first, second in pairwise(numbers)):
        raise refused("InvalidPartOrder")
    parts = []
    for element, number in zip(named, numbers, strict=True):
        part = upload.parts.get(int(number))
        if part is None or (xml.text(element, "ETag") or "").strip('"') != part.etag.strip('"'):
            raise refused("InvalidPart")
        _compare_checksum(upload, part, element)
        parts.append(part)
    if any(each.size < SMALLEST_PART for each in parts[:-1]):
        raise refused("EntityTooSmall")
    if upload.algorithm and [each.number for each in parts] != list(range(1, len(parts) + 1)):
        # S3's guide says that it answers so to gaps between parts with checksums.
        raise S3Error(500, "InternalError", "We encountered an internal error. Please try again.")
    return tuple(parts)


def _compare_checksum(upload: Upload, part: Part, element: ElementTree.Element) -> None:
    given = [each for each in element if each.tag.startswith("Checksum")]
    if upload.algorithm and not given:
        raise invalid(
            f"The upload was created using a {upload.algorithm.lower()} checksum. The complete request must include "
            f"the checksum for each part. It was missing for part {part.number} in the request."
        )
    for each in given:
        if part.checksum is None or (each.tag, (each.text or "").strip()) != (
            part.checksum.element,
            part.checksum.value,
        ):
            raise refused("InvalidPart")


def _checksum(upload: Upload, parts: tuple[Part, ...]) -> Checksum | None:
    if upload.algorithm is None:
        return None
    return checksums.composite(upload.algorithm, [each.checksum.value for each in parts if each.checksum])


def _etag(parts: tuple[Part, ...]) -> str:
    """The MD5 of the parts' own, and their number; under SSE-KMS of what stands for them."""
    digests = b"".join(bytes.fromhex(each.etag.strip('"')) for each in parts)
    return f'"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"'


@operation("AbortMultipartUpload", "DELETE", "object", "uploadId")
def abort(context: Context, request: Request) -> Response:
    bucket = context.store.bucket(request.bucket)
    with context.store.lock:
        context.store.abort(bucket, context.store.upload(bucket, request.key, request.query["uploadId"]))
    return Response(204)
