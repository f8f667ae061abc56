"""The backup bucket, rehearsed: what is written stays in memory and lies over what is there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from lifeboat.errors import BackupUnprovenError, ConflictError
from lifeboat.plan.writes import S3, Log, Write, stored_as
from lifeboat.ports import ListedObject, ObjectStore, OpenUpload, StoredObject, StoredPart, composite_of

_VERSION = "planned"


class RehearsedStore:
    """`ports.ObjectStore`."""

    def __init__(self, live: ObjectStore, log: Log) -> None:
        self._live, self._log = live, log
        self._objects: dict[str, bytes] = {}
        self._composites: dict[str, str] = {}
        self._uploads: dict[str, dict[int, bytes]] = {}

    def put(self, key: str, body: bytes) -> StoredObject:
        present = self.get(key)
        if present is None:
            self._record(key)
            self._objects[key] = body
        elif present != body:
            msg = f"{key} exists with other content"
            raise BackupUnprovenError(msg)
        stored = self.head(key)
        assert stored is not None
        return stored

    def get(self, key: str, version_id: str | None = None) -> bytes | None:
        if key in self._objects and version_id in {None, _VERSION}:
            return self._objects[key]
        return self._live.get(key, version_id)

    def head(self, key: str, version_id: str | None = None) -> StoredObject | None:
        if key not in self._objects or version_id not in {None, _VERSION}:
            return self._live.head(key, version_id)
        body, composite = self._objects[key], self._composites.get(key)
        sha256 = None if composite else hashlib.sha256(body).hexdigest()
        return StoredObject(key, _VERSION, len(body), sha256, composite)

    def get_range(self, key: str, version_id: str | None, start: int, size: int) -> bytes | None:
        if key not in self._objects:
            return self._live.get_range(key, version_id, start, size)
        return self._objects[key][start : start + size] or None

    def keys(self, prefix: str) -> list[str]:
        return sorted({*self._live.keys(prefix), *(key for key in self._objects if key.startswith(prefix))})

    def objects_below(self, prefix: str) -> list[ListedObject]:
        return self._live.objects_below(prefix)

    def folders(self, prefix: str) -> list[str]:
        rests = (key.removeprefix(prefix) for key in self._objects if key.startswith(prefix))
        return sorted({*self._live.folders(prefix), *(rest.split("/")[0] for rest in rests if "/" in rest)})

    def presigned_put(self, key: str, sha256: str, expires: int) -> tuple[str, dict[str, str]]:
        return f"rehearsed:{key}", {"x-amz-checksum-sha256": sha256}

    def presigned_get(self, key: str, version_id: str | None, expires: int) -> str:
        return f"rehearsed:{key}"

    def delete(self, key: str) -> None:
        msg = f"a rehearsal deletes nothing ({key})"
        raise BackupUnprovenError(msg)

    def open_upload(self, key: str) -> str:
        self._uploads.setdefault(key, {})
        return key

    def open_uploads(self, prefix: str) -> list[OpenUpload]:
        """Those of the rehearsal; what older executions left open is aborted without being a part of any plan."""
        return [OpenUpload(key, key) for key in self._uploads if key.startswith(prefix)]

    def stored_parts(self, key: str, upload_id: str, *, after: int = 0) -> list[StoredPart] | None:
        parts = self._uploads.get(key)
        if parts is None:
            return None
        return [_part(number, parts[number]) for number in sorted(parts) if number > after]

    def presigned_part(self, key: str, upload_id: str, part: StoredPart, expires: int) -> tuple[str, dict[str, str]]:
        return f"rehearsed:{key}#{part.number}", {"x-amz-checksum-sha256": part.sha256}

    def arrives(self, url: str, body: bytes) -> None:
        """A pod sends a part by the URL that it was handed."""
        key, _, number = url.removeprefix("rehearsed:").rpartition("#")
        self.put_part(key, key, int(number), body)

    def put_part(self, key: str, upload_id: str, number: int, body: bytes) -> StoredPart:
        if key not in self._uploads:
            msg = f"the upload of {key} was ended by somebody else"
            raise ConflictError(msg)
        self._uploads[key][number] = body
        return _part(number, body)

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> StoredObject:
        there = self._uploads.pop(key, {})
        self._record(key)
        self._objects[key] = b"".join(there[number] for number in sorted(there))
        self._composites[key] = composite_of([each.sha256 for each in parts])
        stored = self.head(key)
        assert stored is not None
        return stored

    def abort_upload(self, key: str, upload_id: str) -> None:
        self._uploads.pop(key, None)

    def _record(self, key: str) -> None:
        self._log.record(Write(S3, "put", "object", None, stored_as(key)))


def _part(number: int, body: bytes) -> StoredPart:
    return StoredPart(number, len(body), hashlib.sha256(body).hexdigest(), f'"{number}"')
