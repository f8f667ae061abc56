"""Lists: of keys, versions, uploads and parts, page by page."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from sandbox.aws.s3 import xml
from sandbox.aws.s3.errors import S3Error
from sandbox.aws.s3.model import Bucket, Upload, Version
from sandbox.aws.s3.operations.routes import operation
from sandbox.aws.s3.requests import Context, Request, Response
from sandbox.plan import ACCOUNT_ID

_PAGE = 1000
_OWNER = [("ID", ACCOUNT_ID)]
_LAST = "\U0010ffff"


class _Page:
    """What one page holds: versions or folders (common prefixes), up to a number of both together."""

    def __init__(self, request: Request, limit: str) -> None:
        self.prefix = request.query.get("prefix", "")
        self.delimiter = request.query.get("delimiter", "")
        self.most = request.number(limit, _PAGE, _PAGE)
        self.encoding = request.query.get("encoding-type")
        if self.encoding not in {None, "url"}:
            raise S3Error(400, "InvalidArgument", "Invalid Encoding Method specified in Request")
        self.folders: list[str] = []
        self.truncated = False
        self.last = ""
        self._count = 0

    def folder_of(self, key: str) -> str | None:
        """The folder that stands for a key in this listing, None for a key that stands for itself."""
        if not self.delimiter:
            return None
        before, found, _ = key[len(self.prefix) :].partition(self.delimiter)
        return self.prefix + before + found if found else None

    def take(self, name: str) -> bool:
        """Count one more entry; False when the page is full."""
        if self._count >= self.most:
            self.truncated = self.most > 0
            return False
        self._count += 1
        self.last = name
        return True

    @property
    def count(self) -> int:
        return self._count

    def encoded(self, name: str) -> str:
        return xml.url_encoded(name, self.encoding)

    def common_prefixes(self) -> list[tuple[str, xml.Content]]:
        return [("CommonPrefixes", [("Prefix", self.encoded(each))]) for each in self.folders]

    def asked(self, limit: str) -> list[tuple[str, xml.Content]]:
        return [
            ("Prefix", self.encoded(self.prefix)),
            ("Delimiter", self.encoded(self.delimiter) if self.delimiter else None),
            (limit, self.most),
            ("EncodingType", self.encoding),
            ("IsTruncated", self.truncated),
        ]


def _walk(bucket: Bucket, page: _Page, after: str, *, deleted: bool) -> Iterator[str]:
    """Keys behind `after`, those within a folder as the folder, which goes to the page itself.

    `deleted`: whether a folder counts in which every key is deleted.
    """
    start = after
    while True:
        for key in bucket.keys(page.prefix, start):
            if key <= after:
                continue
            folder = page.folder_of(key)
            if folder is None:
                yield key
                continue
            if not after.startswith(folder):
                if not deleted and _is_hidden(bucket, folder):
                    start = folder + _LAST
                    break
                if not page.take(folder):
                    return
                page.folders.append(folder)
            start = folder + _LAST
            break
        else:
            return


def _is_hidden(bucket: Bucket, folder: str) -> bool:
    """Whether only deleted keys lie in a folder."""
    return all(bucket.versions[key][0].marker for key in bucket.keys(folder))


def _current(bucket: Bucket, page: _Page, after: str) -> list[Version]:
    found = []
    for key in _walk(bucket, page, after, deleted=False):
        version = bucket.versions[key][0]
        if version.marker:
            continue
        if not page.take(key):
            break
        found.append(version)
    return found


def _entry(page: _Page, version: Version, *, owner: bool) -> xml.Content:
    checksum = version.checksum
    return [
        ("Key", page.encoded(version.key)),
        ("LastModified", xml.timestamp(version.modified)),
        ("ETag", version.etag),
        *([("ChecksumAlgorithm", checksum.algorithm), ("ChecksumType", checksum.type)] if checksum else []),
        ("Size", version.size),
        ("StorageClass", "STANDARD"),
        ("Owner", _OWNER if owner else None),
    ]


@operation("ListObjectsV2", "GET", "bucket", "list-type")
def list_objects_v2(context: Context, request: Request) -> Response:
    with context.store.lock:
        bucket, page = context.store.bucket(request.bucket), _Page(request, "max-keys")
        token, start = request.query.get("continuation-token"), request.query.get("start-after", "")
        found = _current(bucket, page, _untoken(token) if token else start)
    owner = request.query.get("fetch-owner") == "true"
    return Response.xml(
        "ListBucketResult",
        [
            ("Name", bucket.name),
            *page.asked("MaxKeys"),
            ("KeyCount", page.count),
            ("ContinuationToken", token),
            ("NextContinuationToken", _token(page.last) if page.truncated else None),
            ("StartAfter", page.encoded(start) if start else None),
            *(("Contents", _entry(page, each, owner=owner)) for each in found),
            *page.common_prefixes(),
        ],
    )


@operation("ListObjects", "GET", "bucket")
def list_objects(context: Context, request: Request) -> Response:
    with context.store.lock:
        bucket, page = context.store.bucket(request.bucket), _Page(request, "max-keys")
        marker = request.query.get("marker", "")
        found = _current(bucket, page, marker)
    return Response.xml(
        "ListBucketResult",
        [
            ("Name", bucket.name),
            *page.asked("MaxKeys"),
            ("Marker", page.encoded(marker)),
            ("NextMarker", page.encoded(page.last) if page.truncated and page.delimiter else None),
            *(("Contents", _entry(page, each, owner=True)) for each in found),
            *page.common_prefixes(),
        ],
    )


@operation("ListObjectVersions", "GET", "bucket", "versions")
def list_versions(context: Context, request: Request) -> Response:
    key_marker, id_marker = request.query.get("key-marker", ""), request.query.get("version-id-marker", "")
    found: list[Version] = []
    last: Version | None = None
    with context.store.lock:
        bucket, page = context.store.bucket(request.bucket), _Page(request, "max-keys")
        latest = {key: held[0] for key, held in bucket.versions.items()}
        for version in _versions(bucket, page, key_marker, id_marker):
            if not page.take(version.key):
                break
            found.append(version)
            last = version
    by_version = last is not None and page.last == last.key
    return Response.xml(
        "ListVersionsResult",
        [
            ("Name", bucket.name),
            *page.asked("MaxKeys"),
            ("KeyMarker", page.encoded(key_marker)),
            ("VersionIdMarker", id_marker),
            ("NextKeyMarker", page.encoded(page.last) if page.truncated else None),
            ("NextVersionIdMarker", last.version_id if last and page.truncated and by_version else None),
            *(_version(page, each, latest=latest[each.key] is each) for each in found),
            *page.common_prefixes(),
        ],
    )


def _versions(bucket: Bucket, page: _Page, key_marker: str, id_marker: str) -> Iterator[Version]:
    if id_marker and key_marker.startswith(page.prefix) and page.folder_of(key_marker) is None:
        held = bucket.versions.get(key_marker, [])
        marked = bucket.version(key_marker, id_marker)
        yield from (each for each in held if marked and each.sequence < marked.sequence)
    for key in _walk(bucket, page, key_marker, deleted=True):
        yield from bucket.versions[key]


def _version(page: _Page, version: Version, *, latest: bool) -> tuple[str, xml.Content]:
    named: list[tuple[str, xml.Content]] = [("VersionId", version.version_id), ("IsLatest", latest)]
    if version.marker:
        about: list[tuple[str, xml.Content]] = [
            ("Key", page.encoded(version.key)),
            ("LastModified", xml.timestamp(version.modified)),
            ("Owner", _OWNER),
        ]
        return "DeleteMarker", [*named, *about]
    entry = _entry(page, version, owner=True)
    assert isinstance(entry, list)
    return "Version", [*named, *entry]


@operation("ListMultipartUploads", "GET", "bucket", "uploads")
def list_uploads(context: Context, request: Request) -> Response:
    key_marker, id_marker = request.query.get("key-marker", ""), request.query.get("upload-id-marker", "")
    found: list[Upload] = []
    with context.store.lock:
        bucket, page = context.store.bucket(request.bucket), _Page(request, "max-uploads")
        marked = bucket.uploads.get(id_marker)
        behind = _order(marked) if marked else None
        for upload in sorted(bucket.uploads.values(), key=_order):
            if not upload.key.startswith(page.prefix) or upload.key < key_marker:
                continue
            if upload.key == key_marker and (behind is None or _order(upload) <= behind):
                continue
            folder = page.folder_of(upload.key)
            if folder and (folder in page.folders or key_marker.startswith(folder)):
                continue
            if not page.take(folder or upload.key):
                break
            if folder:
                page.folders.append(folder)
            else:
                found.append(upload)
    last = found[-1].upload_id if found and page.last == found[-1].key else None
    return Response.xml(
        "ListMultipartUploadsResult",
        [
            ("Bucket", bucket.name),
            *page.asked("MaxUploads"),
            ("KeyMarker", page.encoded(key_marker)),
            ("UploadIdMarker", id_marker),
            ("NextKeyMarker", page.encoded(page.last) if page.truncated else None),
            ("NextUploadIdMarker", last if page.truncated else None),
            *(
                (
                    "Upload",
                    [
                        ("Key", page.encoded(each.key)),
                        ("UploadId", each.upload_id),
                        ("Initiated", xml.timestamp(each.initiated)),
                        *(
                            [("ChecksumAlgorithm", each.algorithm), ("ChecksumType", "COMPOSITE")]
                            if each.algorithm
                            else []
                        ),
                    ],
                )
                for each in found
            ),
            *page.common_prefixes(),
        ],
    )


def _order(upload: Upload) -> tuple[str, float, str]:
    """S3 lists uploads by key, those of one key by the time of their begin."""
    return upload.key, upload.initiated, upload.upload_id


@operation("ListParts", "GET", "object", "uploadId")
def list_parts(context: Context, request: Request) -> Response:
    with context.store.lock:
        bucket = context.store.bucket(request.bucket)
        upload = context.store.upload(bucket, request.key, request.query["uploadId"])
        after, most = request.number("part-number-marker", 0, 1 << 30), request.number("max-parts", _PAGE, _PAGE)
        left = [part for number, part in sorted(upload.parts.items()) if number > after]
    page = left[:most]
    return Response.xml(
        "ListPartsResult",
        [
            ("Bucket", bucket.name),
            ("Key", upload.key),
            ("UploadId", upload.upload_id),
            ("PartNumberMarker", after),
            ("NextPartNumberMarker", page[-1].number if page else 0),
            ("MaxParts", most),
            ("IsTruncated", len(left) > most),
            *([("ChecksumAlgorithm", upload.algorithm), ("ChecksumType", "COMPOSITE")] if upload.algorithm else []),
            *(
                (
                    "Part",
                    [
                        ("PartNumber", each.number),
                        ("LastModified", xml.timestamp(each.modified)),
                        ("ETag", each.etag),
                        ("Size", each.size),
                        *([(each.checksum.element, each.checksum.value)] if each.checksum else []),
                    ],
                )
                for each in page
            ),
        ],
    )


def _token(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _untoken(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError:
        raise S3Error(400, "InvalidArgument", "The continuation token provided is incorrect") from None
