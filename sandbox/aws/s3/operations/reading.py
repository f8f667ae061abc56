"""Reading objects: whole, a range, a part, or what is said about them."""

from __future__ import annotations

import re
from email.utils import formatdate, parsedate_to_datetime

from sandbox.aws.s3 import xml
from sandbox.aws.s3.errors import S3Error, invalid, refused
from sandbox.aws.s3.model import Bucket, Version
from sandbox.aws.s3.operations import describing
from sandbox.aws.s3.operations.routes import operation
from sandbox.aws.s3.requests import Context, Piece, Request, Response

_OVERRIDES = ("cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires")


@operation("GetObject", "GET", "object")
def get_object(context: Context, request: Request) -> Response:
    bucket = context.store.bucket(request.bucket)
    version = _asked_for(bucket, request)
    return _read(context, bucket, version, request)


@operation("HeadObject", "HEAD", "object")
def head_object(context: Context, request: Request) -> Response:
    response = get_object(context, request)
    assert not isinstance(response.body, bytes)
    response.length, response.body = sum(each.count for each in response.body), b""
    return response


@operation("GetObjectAttributes", "GET", "object", "attributes")
def get_attributes(context: Context, request: Request) -> Response:
    bucket = context.store.bucket(request.bucket)
    version = _asked_for(bucket, request)
    wanted = {each.strip() for each in request.headers.get("x-amz-object-attributes", "").split(",")}
    checksum = version.checksum
    content: list[tuple[str, xml.Content]] = []
    if "ETag" in wanted:
        content.append(("ETag", version.etag.strip('"')))
    if "Checksum" in wanted and checksum:
        value = checksum.value.partition("-")[0]  # without the number, unlike everywhere else
        content.append(("Checksum", [(checksum.element, value), ("ChecksumType", checksum.type)]))
    if "ObjectParts" in wanted and version.multipart:
        content.append(("ObjectParts", _parts(version, request)))
    if "StorageClass" in wanted:
        content.append(("StorageClass", "STANDARD"))
    if "ObjectSize" in wanted:
        content.append(("ObjectSize", version.size))
    headers = {
        "Last-Modified": formatdate(version.modified, usegmt=True),
        **describing.version_header(bucket, version),
    }
    return Response.xml("GetObjectAttributesResponse", content, headers)


def _parts(version: Version, request: Request) -> xml.Content:
    """A page of the parts; S3 lists them only for objects that were uploaded with checksums."""
    total: list[tuple[str, xml.Content]] = [("PartsCount", len(version.parts))]
    if version.checksum is None:
        return total
    most = int(request.headers.get("x-amz-max-parts", "1000"))
    after = int(request.headers.get("x-amz-part-number-marker", "0"))
    left = [each for each in version.parts if each.number > after]
    page = left[:most]
    listed: list[tuple[str, xml.Content]] = [
        (
            "Part",
            [
                ("PartNumber", each.number),
                ("Size", each.size),
                *([(each.checksum.element, each.checksum.value)] if each.checksum else []),
            ],
        )
        for each in page
    ]
    return [
        *total,
        ("PartNumberMarker", after),
        ("NextPartNumberMarker", page[-1].number if page else 0),
        ("MaxParts", most),
        ("IsTruncated", len(left) > most),
        *listed,
    ]


def _asked_for(bucket: Bucket, request: Request) -> Version:
    """The version that a request means. Raises S3Error for delete markers and what is not there."""
    version_id = request.query.get("versionId")
    version = bucket.version(request.key, version_id) if version_id else bucket.current(request.key)
    if version is None:
        raise refused("NoSuchVersion" if version_id else "NoSuchKey")
    if version.marker:
        told = {"x-amz-delete-marker": "true", **describing.version_header(bucket, version)}
        raise refused("MethodNotAllowed" if version_id else "NoSuchKey", told)
    return version


def _read(context: Context, bucket: Bucket, version: Version, request: Request) -> Response:
    headers = describing.described(bucket, version)
    if _unchanged(version, request):
        return Response(304, {name: headers[name] for name in ("ETag", "Last-Modified")}, [])
    for name in _OVERRIDES:
        if value := request.query.get(f"response-{name}"):
            headers[name.title()] = value
    first, count, part = _span(version, request)
    status, whole = 200, count == version.size
    if part or not whole or "range" in request.headers:
        status = 206
        headers["Content-Range"] = f"bytes {first}-{first + count - 1}/{version.size}"
    if part and version.multipart:
        headers["x-amz-mp-parts-count"] = str(len(version.parts))
    if request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers |= _checksum_headers(version, part if version.multipart else None, whole=whole)
    pieces, offset = [], 0
    for path, each in zip(context.store.paths(bucket, version), version.parts, strict=True):
        begin, end = max(first, offset), min(first + count, offset + each.size)
        if begin < end:
            pieces.append(Piece(path, begin - offset, end - begin))
        offset += each.size
    return Response(status, headers, pieces)


def _checksum_headers(version: Version, part: int | None, *, whole: bool) -> dict[str, str]:
    """The checksum of what is read, where S3 has one: of the whole or of one part."""
    kept = version.checksum if whole else None
    told = version.parts[part - 1].checksum if part else kept
    return told.headers() if told else {}


def _span(version: Version, request: Request) -> tuple[int, int, int | None]:
    """First byte, number of bytes, and the part's number if one was asked for."""
    asked, number = request.headers.get("range"), request.query.get("partNumber")
    if number is not None:
        if asked:
            raise invalid("Cannot specify both Range header and partNumber query parameter")
        return (*_part_span(version, number), int(number))
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", asked or "")
    if not found or found[0] == "bytes=-":
        return 0, version.size, None
    if not found[1]:
        count = min(int(found[2]), version.size)
        first, last = version.size - count, version.size - 1
    else:
        first, last = int(found[1]), min(int(found[2] or version.size - 1), version.size - 1)
    if found[1] and found[2] and int(found[2]) < int(found[1]):
        return 0, version.size, None  # no range at all, says RFC 9110: the whole
    if first >= version.size:
        raise S3Error(
            416,
            "InvalidRange",
            "The requested range is not satisfiable",
            {"Content-Range": f"bytes */{version.size}"},
        )
    return first, last - first + 1, None


def _part_span(version: Version, number: str) -> tuple[int, int]:
    parts = version.parts
    if not number.isdigit() or not 1 <= int(number) <= len(parts):
        raise S3Error(416, "InvalidPartNumber", "The requested partnumber is not satisfiable")
    return sum(each.size for each in parts[: int(number) - 1]), parts[int(number) - 1].size


def _unchanged(version: Version, request: Request) -> bool:
    """Whether the reader has it already. Raises S3Error for a condition that fails."""
    headers = request.headers
    if (wanted := headers.get("if-match")) and wanted.strip('"') not in {"*", version.etag.strip('"')}:
        raise refused("PreconditionFailed")
    since = headers.get("if-unmodified-since")
    if since and not wanted and int(version.modified) > parsedate_to_datetime(since).timestamp():
        raise refused("PreconditionFailed")
    if known := headers.get("if-none-match"):
        return known.strip('"') in {"*", version.etag.strip('"')}
    since = headers.get("if-modified-since")
    return bool(since) and int(version.modified) <= parsedate_to_datetime(since or "").timestamp()
