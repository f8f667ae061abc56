"""Writing and deleting objects."""

from __future__ import annotations

import dataclasses
import time
from urllib.parse import unquote
from xml.etree import ElementTree

from sandbox.aws.s3 import checksums, xml
from sandbox.aws.s3.bodies import LARGEST
from sandbox.aws.s3.errors import S3Error, invalid, not_offered, refused
from sandbox.aws.s3.model import Attributes, Bucket, Part, Version
from sandbox.aws.s3.operations import describing
from sandbox.aws.s3.operations.routes import operation
from sandbox.aws.s3.requests import Context, Request, Response
from sandbox.aws.s3.store import Condition, Content

_MOST_DELETIONS = 1000
_LONGEST_KEY = 1024


@operation("PutObject", "PUT", "object")
def put_object(context: Context, request: Request) -> Response:
    store, bucket = context.store, context.store.bucket(request.bucket)
    check_key(request.key)
    condition = condition_of(context, request)
    attributes = describing.attributes_of(bucket, request)
    describing.require_digest(bucket, attributes, request.headers)
    store.check(bucket, request.key, condition)  # at once, so that nobody sends 5 GiB for a refusal
    with store.disk.incoming() as folder:
        md5 = not describing.is_kms(attributes.headers)
        size, digest, checksum = request.body.save(folder / "1", md5=md5)
        tag = describing.etag(digest)
        part = Part(1, "1", size, tag, checksum, time.time())
        version = store.put(bucket, request.key, Content((part,), tag, checksum, attributes), folder, condition)
    return Response(headers=describing.written(bucket, version))


@operation("CopyObject", "PUT", "object", "copy")
def copy_object(context: Context, request: Request) -> Response:
    store, bucket = context.store, context.store.bucket(request.bucket)
    check_key(request.key)
    source_bucket, source = _source(context, request.headers["x-amz-copy-source"])
    if source.size > LARGEST:
        raise invalid("The specified copy source is larger than the maximum allowable size for a copy source")
    condition = condition_of(context, request)
    attributes = _attributes_of_copy(bucket, source, request)
    algorithm = request.headers.get("x-amz-checksum-algorithm") or (source.checksum and source.checksum.algorithm)
    wanted = ["MD5", *([checksums.known(algorithm)] if algorithm else [])]
    hashers = {name: checksums.hasher(name) for name in wanted}
    with store.disk.incoming() as folder:
        with (folder / "1").open("wb") as target:
            for path in store.paths(source_bucket, source):
                with path.open("rb") as file:
                    while block := file.read(1 << 18):
                        target.write(block)
                        for each in hashers.values():
                            each.update(memoryview(block))
        digests = {name: each.digest() for name, each in hashers.items()}
        tag = describing.etag(None if describing.is_kms(attributes.headers) else digests["MD5"].hex())
        checksum = checksums.Checksum(wanted[1], checksums.encoded(digests[wanted[1]])) if algorithm else None
        part = Part(1, "1", source.size, tag, checksum, time.time())
        version = store.put(bucket, request.key, Content((part,), tag, checksum, attributes), folder, condition)
    told = {
        **describing.encryption_headers(attributes.headers),
        **describing.version_header(bucket, version),
        "x-amz-copy-source-version-id": source.version_id,
    }
    result: xml.Content = [
        ("LastModified", xml.timestamp(version.modified)),
        ("ETag", version.etag),
        *([(checksum.element, checksum.value), ("ChecksumType", checksum.type)] if checksum else []),
    ]
    return Response.xml("CopyObjectResult", result, told)


def _source(context: Context, header: str) -> tuple[Bucket, Version]:
    path, _, version_id = unquote(header).lstrip("/").partition("?versionId=")
    name, _, key = path.partition("/")
    bucket = context.store.bucket(name)
    version = bucket.version(key, version_id) if version_id else bucket.current(key)
    if version is None or version.marker:
        raise refused("NoSuchVersion" if version_id else "NoSuchKey")
    return bucket, version


def _attributes_of_copy(bucket: Bucket, source: Version, request: Request) -> Attributes:
    """Those of the source, encryption and locks but for the target's, unless the request replaces them."""
    own = describing.attributes_of(bucket, request)
    if request.headers.get("x-amz-metadata-directive", "COPY") == "COPY":
        kept = {name: value for name, value in source.attributes.headers.items() if name not in own.headers}
        kept["content-type"] = source.attributes.headers["content-type"]
        kept = {name: value for name, value in kept.items() if not name.startswith("x-amz-server-side-encryption")}
        own = dataclasses.replace(own, headers={**own.headers, **kept})
    if request.headers.get("x-amz-tagging-directive", "COPY") == "COPY":
        own = dataclasses.replace(own, tags=source.attributes.tags)
    return own


@operation("DeleteObject", "DELETE", "object")
def delete_object(context: Context, request: Request) -> Response:
    bucket = context.store.bucket(request.bucket)
    if any(name in request.headers for name in ("if-match", "x-amz-if-match-size")):
        raise not_offered("conditional deletes")
    told = _delete(context, bucket, request.key, request.query.get("versionId"), bypass=request.bypass)
    return Response(204, told)


def _delete(context: Context, bucket: Bucket, key: str, version_id: str | None, *, bypass: bool) -> dict[str, str]:
    """The headers that tell what was deleted or made."""
    if version_id:
        gone = context.store.delete_version(bucket, key, version_id, bypass=bypass)
        marker = {"x-amz-delete-marker": "true"} if gone and gone.marker else {}
        return {"x-amz-version-id": version_id, **marker}
    made = context.store.delete(bucket, key)
    return {"x-amz-version-id": made.version_id, "x-amz-delete-marker": "true"} if made else {}


@operation("DeleteObjects", "POST", "bucket", "delete")
def delete_objects(context: Context, request: Request) -> Response:
    if "content-md5" not in request.headers and not any(each.startswith("x-amz-checksum-") for each in request.headers):
        raise invalid("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
    bucket = context.store.bucket(request.bucket)
    root = xml.parse(request.body.read(), "Delete")
    asked = [(each.findtext("Key") or "", xml.text(each, "VersionId")) for each in root.findall("Object")]
    if not 0 < len(asked) <= _MOST_DELETIONS:
        raise refused("MalformedXML")
    request.about["keys"] = [key for key, _ in asked]
    result: list[tuple[str, xml.Content]] = []
    for key, version_id in asked:
        try:
            told = _delete(context, bucket, key, version_id, bypass=request.bypass)
        except S3Error as error:
            result.append(
                ("Error", [("Key", key), ("VersionId", version_id), ("Code", error.code), ("Message", error.message)])
            )
            continue
        if not _quiet(root):
            marker = "x-amz-delete-marker" in told
            made = told.get("x-amz-version-id") if marker else None
            result.append(
                (
                    "Deleted",
                    [
                        ("Key", key),
                        ("VersionId", version_id),
                        ("DeleteMarker", True if marker else None),
                        ("DeleteMarkerVersionId", made),
                    ],
                )
            )
    return Response.xml("DeleteResult", result)


def _quiet(root: ElementTree.Element) -> bool:
    return xml.text(root, "Quiet") == "true"


def condition_of(context: Context, request: Request) -> Condition:
    """The conditions of a write. Raises S3Error for one that S3 does not know."""
    absent, tag = request.headers.get("if-none-match"), request.headers.get("if-match")
    if absent not in {None, "*"} or (absent and tag):
        raise not_offered("such a condition: If-None-Match takes * only, and If-Match stands alone")
    return Condition(context.store.sequence(), absent=absent == "*", etag=tag and f'"{tag.strip(chr(34))}"')


def check_key(key: str) -> None:
    """Raises S3Error for keys that S3 does not take."""
    if len(key.encode("utf-8", "surrogateescape")) > _LONGEST_KEY:
        raise S3Error(400, "KeyTooLongError", "Your key is too long")
    try:
        key.encode()
    except UnicodeEncodeError:
        raise S3Error(400, "InvalidURI", "Couldn't parse the specified URI.") from None
