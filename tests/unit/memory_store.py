"""The backup bucket in memory."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence

from lifeboat.errors import BackupUnprovenError, ConflictError
from lifeboat.ports import (
    ListedObject,
    OpenUpload,
    StoredObject,
    StoredPart,
    composite_of,
)

NOW = datetime.datetime(2026, 11, 3, 10, 0, tzinfo=datetime.UTC)


class MemoryStore:
    """`ports.ObjectStore`: create-if-absent, delete markers; a key that was deleted and put again has a new version.

    `objects` are the newest bytes of each key, deleted or not: a test may change them behind S3's back.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.composites: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.modified: dict[str, datetime.datetime] = {}
        self.now = NOW
        self.older: dict[tuple[str, str], bytes] = {}
        self.uploads: dict[tuple[str, str], dict[int, bytes]] = {}
        self.presigned: list[str] = []

    def put(self, key: str, body: bytes) -> StoredObject:
        self._bury(key)
        self.modified.setdefault(key, self.now)
        if self.objects.setdefault(key, body) != body:
            raise BackupUnprovenError(f"{key} exists with other content")
        return self._stored(key)

    def get(self, key: str, version_id: str | None = None) -> bytes | None:
        if version_id is None:
            return None if key in self.deleted else self.objects.get(key)
        if version_id == self._version(key):
            return self.objects.get(key)
        return self.older.get((key, version_id))

    def get_range(self, key: str, version_id: str | None, start: int, size: int) -> bytes | None:
        return (self.get(key, version_id) or b"")[start : start + size] or None

    def head(self, key: str, version_id: str | None = None) -> StoredObject | None:
        body = self.get(key, version_id)
        if body is None:
            return None
        if version_id in {None, self._version(key)}:
            return self._stored(key)
        return StoredObject(key, version_id, len(body), hashlib.sha256(body).hexdigest())

    def keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix) and key not in self.deleted)

    def objects_below(self, prefix: str) -> list[ListedObject]:
        return [ListedObject(key, len(self.objects[key]), self.modified.get(key, NOW)) for key in self.keys(prefix)]

    def folders(self, prefix: str) -> list[str]:
        rests = (key[len(prefix) :] for key in self.keys(prefix))
        return sorted({rest.split("/")[0] for rest in rests if "/" in rest})

    def presigned_put(self, key: str, sha256: str, expires: int) -> tuple[str, dict[str, str]]:
        self.presigned.append(key)
        return f"https://bucket.example/{key}?signature=put", {"x-amz-checksum-sha256": sha256, "If-None-Match": "*"}

    def presigned_get(self, key: str, version_id: str | None, expires: int) -> str:
        self.presigned.append(key)
        return f"https://bucket.example/{key}?signature=get"

    def delete(self, key: str) -> None:
        if key in self.objects:
            self.deleted.add(key)

    def open_upload(self, key: str) -> str:
        for each in self.open_uploads(key):
            if each.key == key:
                return each.upload_id
        upload_id = f"upload-{len(self.uploads)}"
        self.uploads[key, upload_id] = {}
        return upload_id

    def open_uploads(self, prefix: str) -> list[OpenUpload]:
        return [OpenUpload(*each) for each in self.uploads if each[0].startswith(prefix)]

    def stored_parts(self, key: str, upload_id: str, *, after: int = 0) -> list[StoredPart] | None:
        parts = self.uploads.get((key, upload_id))
        if parts is None:
            return None
        return [self._part(number, parts[number]) for number in sorted(parts) if number > after]

    def presigned_part(self, key: str, upload_id: str, part: StoredPart, expires: int) -> tuple[str, dict[str, str]]:
        self.presigned.append(key)
        url = f"https://bucket.example/{key}?partNumber={part.number}&uploadId={upload_id}&signature=part"
        return url, {"x-amz-checksum-sha256": part.sha256}

    def put_part(self, key: str, upload_id: str, number: int, body: bytes) -> StoredPart:
        if (key, upload_id) not in self.uploads:
            raise ConflictError(f"the upload of {key} was ended by somebody else")
        self.uploads[key, upload_id][number] = body
        return self._part(number, body)

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> StoredObject:
        there = self.uploads.pop((key, upload_id), {})
        names = [(each.number, each.sha256) for each in parts]
        self._bury(key)
        self.modified.setdefault(key, self.now)
        if key not in self.objects and names == [(n, hashlib.sha256(b).hexdigest()) for n, b in sorted(there.items())]:
            self.objects[key] = b"".join(there[number] for number in sorted(there))
            self.composites[key] = composite_of([each.sha256 for each in parts])
        stored = self.head(key)
        if stored is None or stored.composite != composite_of([each.sha256 for each in parts]):
            raise BackupUnprovenError(f"{key} was not made of these parts")
        return stored

    def abort_upload(self, key: str, upload_id: str) -> None:
        self.uploads.pop((key, upload_id), None)

    def _part(self, number: int, body: bytes) -> StoredPart:
        return StoredPart(number, len(body), hashlib.sha256(body).hexdigest(), f'"{number}"')

    def _stored(self, key: str) -> StoredObject:
        body = self.objects[key]
        version = self._version(key)
        if composite := self.composites.get(key):
            return StoredObject(key, version, len(body), None, composite)
        return StoredObject(key, version, len(body), hashlib.sha256(body).hexdigest())

    def _bury(self, key: str) -> None:
        """A key below a delete marker is absent: what is written there next is a new version."""
        if key in self.deleted:
            self.deleted.discard(key)
            self.older[key, self._version(key)] = self.objects.pop(key)
            self.composites.pop(key, None)
            self.modified.pop(key, None)

    def _version(self, key: str) -> str:
        return f"v{1 + sum(held == key for held, _ in self.older)}"
