"""Objects as files, so written that a process killed at any moment leaves no half of one.

    <root>/buckets/<bucket>/bucket.json            settings and documents of a bucket
    <root>/buckets/<bucket>/versions/<n>/          a version: meta.json and its parts' bytes
    <root>/buckets/<bucket>/uploads/<id>/          an upload: upload.json, <number>.json and bytes of each part
    <root>/tmp/                                    what is being written or deleted; emptied at start

What counts is a rename: of a version's folder, of a part's JSON. Nothing is synced to the disk: a sandbox does not
outlive its machine.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.aws.s3.model import Bucket, Part, Upload, Version, part_from_json

_META, _UPLOAD, _BUCKET = "meta.json", "upload.json", "bucket.json"
_SETTINGS = ("name", "created", "configuration", "versioning", "object_lock")


class Disk:
    """The folders below `root`. Callers keep two changes of one bucket apart."""

    def __init__(self, root: Path) -> None:
        self._buckets = root / "buckets"
        self._temporary = root / "tmp"
        shutil.rmtree(self._temporary, ignore_errors=True)
        for folder in (self._buckets, self._temporary):
            folder.mkdir(parents=True, exist_ok=True)

    def new_bucket(self, name: str, created: float) -> Bucket:
        """A bucket that is not stored yet: `save_bucket` does that."""
        return Bucket(name, created, self._buckets / name)

    def save_bucket(self, bucket: Bucket) -> None:
        for folder in (bucket.folder / "versions", bucket.folder / "uploads"):
            folder.mkdir(parents=True, exist_ok=True)
        self._write(bucket.folder / _BUCKET, {name: getattr(bucket, name) for name in _SETTINGS})

    def load(self) -> Iterator[Bucket]:
        """All buckets with all that was completed. What a kill left half done is removed."""
        for folder in sorted(self._buckets.iterdir()):
            settings = _read(folder / _BUCKET)
            if settings is None:
                self.discard(folder)
                continue
            bucket = Bucket(**settings, folder=folder)
            for version in (folder / "versions").iterdir():
                bucket.add(Version.from_json(_read(version / _META) or {}))
            for path in (folder / "uploads").iterdir():
                data = _read(path / _UPLOAD)
                if data is None:
                    self.discard(path)
                    continue
                upload = Upload.from_json(data)
                for each in path.glob("[0-9]*.json"):
                    part = part_from_json(_read(each) or {})
                    upload.parts[part.number] = part
                told = {f"{number}.json" for number in upload.parts} | {part.file for part in upload.parts.values()}
                self._tidy(path, {_UPLOAD, *told})
                bucket.uploads[upload.upload_id] = upload
            yield bucket

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Path]:
        """A new folder to write to; it is gone at the end unless it was moved to its place."""
        folder = self._temporary / uuid.uuid4().hex
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def store(self, bucket: Bucket, version: Version, content: Path) -> None:
        """Make the folder `content`, which holds the parts' bytes, that version."""
        self._write(content / _META, version.to_json())
        content.rename(self.folder_of(bucket, version))

    def change(self, bucket: Bucket, version: Version) -> None:
        """Write what is said about a version anew."""
        self._write(self.folder_of(bucket, version) / _META, version.to_json())

    def folder_of(self, bucket: Bucket, version: Version) -> Path:
        return bucket.folder / "versions" / version.folder

    def save_upload(self, bucket: Bucket, upload: Upload) -> None:
        folder = self.upload_folder(bucket, upload)
        folder.mkdir()
        self._write(folder / _UPLOAD, upload.to_json())

    def upload_folder(self, bucket: Bucket, upload: Upload) -> Path:
        return bucket.folder / "uploads" / upload.upload_id

    def store_part(self, bucket: Bucket, upload: Upload, part: Part, content: Path) -> None:
        """Make the file `content` that part of the upload, in the place of an earlier one."""
        folder, earlier = self.upload_folder(bucket, upload), upload.parts.get(part.number)
        content.rename(folder / part.file)
        self._write(folder / f"{part.number}.json", dataclasses.asdict(part))
        if earlier:
            (folder / earlier.file).unlink(missing_ok=True)

    def complete(self, bucket: Bucket, upload: Upload, version: Version) -> None:
        """Make the upload's folder the version that was built of it: one rename, whatever its size."""
        folder = self.upload_folder(bucket, upload)
        self._write(folder / _META, version.to_json())
        folder.rename(self.folder_of(bucket, version))
        self._tidy(self.folder_of(bucket, version), {_META, *(part.file for part in version.parts)})

    def discard(self, folder: Path) -> None:
        """Remove a folder at once, from everybody's sight first."""
        gone = self._temporary / uuid.uuid4().hex
        with contextlib.suppress(FileNotFoundError):
            folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    @staticmethod
    def _tidy(folder: Path, keep: set[str]) -> None:
        for each in folder.iterdir():
            if each.name not in keep:
                each.unlink(missing_ok=True)

    def _write(self, path: Path, data: Any) -> None:
        temporary = self._temporary / uuid.uuid4().hex
        temporary.write_text(json.dumps(data), encoding="utf-8")
        temporary.rename(path)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
