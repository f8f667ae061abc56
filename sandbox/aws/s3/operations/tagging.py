"""Tags of objects."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from sandbox.aws.s3 import xml
from sandbox.aws.s3.errors import S3Error, refused
from sandbox.aws.s3.model import Bucket, Version
from sandbox.aws.s3.operations import describing
from sandbox.aws.s3.operations.routes import operation
from sandbox.aws.s3.requests import Context, Request, Response

_MOST = 10


@operation("PutObjectTagging", "PUT", "object", "tagging")
def put_tagging(context: Context, request: Request) -> Response:
    found = xml.parse(request.body.read(), "Tagging").findall("TagSet/Tag")
    tags = {each.findtext("Key") or "": each.findtext("Value") or "" for each in found}
    if len(found) > _MOST:
        raise S3Error(400, "BadRequest", "Object tags cannot be greater than 10")
    if len(tags) != len(found) or "" in tags:
        raise S3Error(400, "InvalidTag", "The tags are not valid: each needs a key of its own")
    return _change(context, request, tags, 200)


@operation("DeleteObjectTagging", "DELETE", "object", "tagging")
def delete_tagging(context: Context, request: Request) -> Response:
    return _change(context, request, {}, 204)


@operation("GetObjectTagging", "GET", "object", "tagging")
def get_tagging(context: Context, request: Request) -> Response:
    bucket, version = _version(context, request)
    tags = [("Tag", [("Key", key), ("Value", value)]) for key, value in version.attributes.tags.items()]
    return Response.xml("Tagging", [("TagSet", tags)], describing.version_header(bucket, version))


def _change(context: Context, request: Request, tags: Mapping[str, str], status: int) -> Response:
    with context.store.lock:
        bucket, version = _version(context, request)
        context.store.change(bucket, version, dataclasses.replace(version.attributes, tags=dict(tags)))
    return Response(status, describing.version_header(bucket, version))


def _version(context: Context, request: Request) -> tuple[Bucket, Version]:
    bucket = context.store.bucket(request.bucket)
    version_id = request.query.get("versionId")
    version = bucket.version(request.key, version_id) if version_id else bucket.current(request.key)
    if version is None:
        raise refused("NoSuchVersion" if version_id else "NoSuchKey")
    if version.marker:
        raise refused("MethodNotAllowed")
    return bucket, version
