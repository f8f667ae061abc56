"""The buckets of one account: what may be written, replaced and deleted, whoever comes first."""

from __future__ import annotations

import dataclasses
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.aws.s3 import locks
from sandbox.aws.s3.checksums import Checksum
from sandbox.aws.s3.disk import Disk
from sandbox.aws.s3.errors import S3Error, refused
from sandbox.aws.s3.model import NULL, Attributes, Bucket, Part, Upload, Version


@dataclass(frozen=True)
class Condition:
    """Under which a key may be written: `absent` (If-None-Match: *) or with this `etag` (If-Match).

    `began` is the sequence at the begin of the request: a deletion since then is a conflict.
    """

    began: int
    absent: bool = False
    etag: str | None = None

    @property
    def is_set(self) -> bool:
        return self.absent or self.etag is not None


@dataclass(frozen=True)
class Content:
    """The parts of a new version, its ETag and checksum, and what its writer says of it."""

    parts: tuple[Part, ...]
    etag: str
    checksum: Checksum | None
    attributes: Attributes


class Store:
    """All state, in memory for looking up and on disk for keeping. Safe for threads.

    The lock is held for renames and small files only, never while an object's bytes come or go.
    """

    def __init__(self, root: Path) -> None:
        self.disk = Disk(root)
        self.lock = threading.RLock()
        self.buckets: dict[str, Bucket] = {}
        self._last = 0
        with self.lock:
            for bucket in self.disk.load():
                self.buckets[bucket.name] = bucket
                self._forget_replaced(bucket)

    def bucket(self, name: str) -> Bucket:
        """Raises S3Error when there is none."""
        try:
            return self.buckets[name]
        except KeyError:
            raise refused("NoSuchBucket") from None

    def sequence(self) -> int:
        """A number higher than all before, also those of an earlier process: nanoseconds."""
        with self.lock:
            self._last = max(self._last + 1, time.time_ns())
            return self._last

    def create_bucket(self, name: str, *, object_lock: bool) -> None:
        with self.lock:
            if name in self.buckets:
                raise S3Error(
                    409,
                    "BucketAlreadyOwnedByYou",
                    "Your previous request to create the named bucket succeeded and you already own it.",
                )
            bucket = self.disk.new_bucket(name, time.time())
            if object_lock:
                bucket.object_lock, bucket.versioning = True, "Enabled"
            self.disk.save_bucket(bucket)
            self.buckets[name] = bucket

    def delete_bucket(self, name: str) -> None:
        with self.lock:
            bucket = self.bucket(name)
            if bucket.versions:
                raise S3Error(409, "BucketNotEmpty", "The bucket you tried to delete is not empty")
            del self.buckets[name]
            self.disk.discard(bucket.folder)

    def put(self, bucket: Bucket, key: str, content: Content, folder: Path, condition: Condition) -> Version:
        """Store what `folder` holds as the newest version of the key. Raises S3Error when the condition fails."""
        with self.lock:
            self.check(bucket, key, condition)
            version = self._new(bucket, key, content)
            self.disk.store(bucket, version, folder)
            self._add(bucket, version)
            return version

    def complete(self, bucket: Bucket, upload: Upload, content: Content, condition: Condition) -> Version:
        """Make the upload, which is gone then, the newest version of its key."""
        with self.lock:
            self.upload(bucket, upload.key, upload.upload_id)
            try:
                self.check(bucket, upload.key, condition)
            except S3Error as error:
                if error.status == 409:
                    self.abort(bucket, upload)  # S3 wants the upload begun anew then
                raise
            version = dataclasses.replace(self._new(bucket, upload.key, content), multipart=True)
            self.disk.complete(bucket, upload, version)
            del bucket.uploads[upload.upload_id]
            self._add(bucket, version)
            return version

    def check(self, bucket: Bucket, key: str, condition: Condition) -> None:
        """Raises S3Error unless the key may be written under this condition now."""
        current = bucket.current(key)
        present = current is not None and not current.marker
        if condition.is_set and bucket.deletions.get(key, 0) > condition.began:
            raise refused("ConditionalRequestConflict")
        if condition.absent and present:
            raise refused("PreconditionFailed")
        if condition.etag is not None:
            if current is None or not present:
                raise refused("NoSuchKey")
            if current.etag != condition.etag:
                raise refused("PreconditionFailed")

    def delete(self, bucket: Bucket, key: str) -> Version | None:
        """Hide the key behind a delete marker, which is the answer; without versions remove it."""
        with self.lock:
            sequence = self.sequence()
            bucket.deletions[key] = sequence
            if bucket.versioning is None:
                if null := bucket.version(key, NULL):
                    self._remove(bucket, null)
                return None
            marker = Version(key, self._version_id(bucket), sequence, time.time(), marker=True)
            with self.disk.incoming() as folder:
                self.disk.store(bucket, marker, folder)
            self._add(bucket, marker)
            return marker

    def delete_version(self, bucket: Bucket, key: str, version_id: str, *, bypass: bool) -> Version | None:
        """Remove one version for good; None when there is none. Raises S3Error under Object Lock."""
        with self.lock:
            version = bucket.version(key, version_id)
            if version is None:
                return None
            locks.check_deletion(version, bypass=bypass)
            if version is bucket.current(key):
                bucket.deletions[key] = self.sequence()
            self._remove(bucket, version)
            return version

    def change(self, bucket: Bucket, version: Version, attributes: Attributes) -> None:
        """Replace tags or locks of a version."""
        with self.lock:
            if bucket.version(version.key, version.version_id) is not version:
                raise refused("NoSuchVersion")
            changed = dataclasses.replace(version, attributes=attributes)
            self.disk.change(bucket, changed)
            bucket.remove(version)
            bucket.add(changed)

    def open_upload(self, bucket: Bucket, key: str, algorithm: str | None, attributes: Attributes) -> Upload:
        with self.lock:
            upload = Upload(key, secrets.token_urlsafe(48), time.time(), algorithm, attributes)
            self.disk.save_upload(bucket, upload)
            bucket.uploads[upload.upload_id] = upload
            return upload

    def upload(self, bucket: Bucket, key: str, upload_id: str) -> Upload:
        """Raises S3Error when it is not there, or not of this key."""
        upload = bucket.uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise refused("NoSuchUpload")
        return upload

    def put_part(self, bucket: Bucket, upload: Upload, part: Part, content: Path) -> None:
        with self.lock:
            self.upload(bucket, upload.key, upload.upload_id)
            self.disk.store_part(bucket, upload, part, content)
            upload.parts[part.number] = part

    def abort(self, bucket: Bucket, upload: Upload) -> None:
        with self.lock:
            bucket.uploads.pop(upload.upload_id, None)
            self.disk.discard(self.disk.upload_folder(bucket, upload))

    def paths(self, bucket: Bucket, version: Version) -> Sequence[Path]:
        """Where the bytes of the version's parts are."""
        folder = self.disk.folder_of(bucket, version)
        return [folder / each.file for each in version.parts]

    def _new(self, bucket: Bucket, key: str, content: Content) -> Version:
        return Version(
            key,
            self._version_id(bucket),
            self.sequence(),
            time.time(),
            content.etag,
            content.parts,
            content.checksum,
            content.attributes,
        )

    @staticmethod
    def _version_id(bucket: Bucket) -> str:
        return secrets.token_urlsafe(24) if bucket.versioning == "Enabled" else NULL

    def _add(self, bucket: Bucket, version: Version) -> None:
        bucket.add(version)
        self._forget_replaced(bucket, version.key)

    def _forget_replaced(self, bucket: Bucket, key: str | None = None) -> None:
        """Remove all but the newest of the versions without an id: each replaces the one before."""
        for each in list(bucket.versions) if key is None else [key]:
            for old in [version for version in bucket.versions[each] if version.version_id == NULL][1:]:
                self._remove(bucket, old)

    def _remove(self, bucket: Bucket, version: Version) -> None:
        bucket.remove(version)
        self.disk.discard(self.disk.folder_of(bucket, version))
