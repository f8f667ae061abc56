"""Object Lock of single versions."""

from __future__ import annotations

import dataclasses

from sandbox.aws.s3 import locks, xml
from sandbox.aws.s3.errors import S3Error, refused
from sandbox.aws.s3.model import Version
from sandbox.aws.s3.operations import describing
from sandbox.aws.s3.operations.routes import operation
from sandbox.aws.s3.requests import Context, Request, Response


@operation("PutObjectRetention", "PUT", "object", "retention")
def put_retention(context: Context, request: Request) -> Response:
    root = xml.parse(request.body.read(), "Retention")
    mode, until = xml.text(root, "Mode"), xml.text(root, "RetainUntilDate")
    wanted = locks.retention_of(mode, until) if mode or until else None
    with context.store.lock:
        version = _version(context, request)
        locks.check_change(version, wanted, bypass=request.bypass)
        changed = dataclasses.replace(version.attributes, retention=wanted)
        context.store.change(context.store.bucket(request.bucket), version, changed)
    return Response()


@operation("GetObjectRetention", "GET", "object", "retention")
def get_retention(context: Context, request: Request) -> Response:
    held = _version(context, request).attributes.retention
    if held is None:
        raise _nothing()
    return Response.xml("Retention", [("Mode", held.mode), ("RetainUntilDate", describing.iso(held.until))])


@operation("PutObjectLegalHold", "PUT", "object", "legal-hold")
def put_legal_hold(context: Context, request: Request) -> Response:
    status = xml.text(xml.parse(request.body.read(), "LegalHold"), "Status")
    if status not in {"ON", "OFF"}:
        raise refused("MalformedXML")
    with context.store.lock:
        version = _version(context, request)
        changed = dataclasses.replace(version.attributes, legal_hold=status == "ON")
        context.store.change(context.store.bucket(request.bucket), version, changed)
    return Response()


@operation("GetObjectLegalHold", "GET", "object", "legal-hold")
def get_legal_hold(context: Context, request: Request) -> Response:
    return Response.xml("LegalHold", [("Status", "ON" if _version(context, request).attributes.legal_hold else "OFF")])


def _version(context: Context, request: Request) -> Version:
    bucket = context.store.bucket(request.bucket)
    locks.require(bucket)
    version_id = request.query.get("versionId")
    version = bucket.version(request.key, version_id) if version_id else bucket.current(request.key)
    if version is None:
        raise refused("NoSuchVersion" if version_id else "NoSuchKey")
    if version.marker:
        raise refused("MethodNotAllowed")
    return version


def _nothing() -> S3Error:
    return S3Error(
        404, "NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration"
    )
