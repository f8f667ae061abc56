"""What the store holds: buckets, versions of objects, uploads in parts."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.aws.s3.checksums import Checksum

NULL = "null"
"""The version id of what is written while a bucket keeps no versions."""


@dataclass(frozen=True)
class Part:
    """The bytes of one part, in a file of its folder. `md5` (hex) only where an ETag needs it."""

    number: int
    file: str
    size: int
    etag: str
    checksum: Checksum | None
    modified: float


@dataclass(frozen=True)
class Retention:
    """Object Lock's hold of one version until a time (Unix seconds). `mode`: GOVERNANCE or COMPLIANCE."""

    mode: str
    until: float


@dataclass(frozen=True)
class Attributes:
    """What a writer says about an object, for a PUT as for an upload in parts.

    `headers` are given back as they are (Content-Type, x-amz-meta-…, encryption).
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    retention: Retention | None = None
    legal_hold: bool = False


@dataclass(frozen=True)
class Version:
    """One version of an object, or a delete marker (no parts). `sequence` orders all versions of the store."""

    key: str
    version_id: str
    sequence: int
    modified: float
    etag: str = ""
    parts: tuple[Part, ...] = ()
    checksum: Checksum | None = None
    attributes: Attributes = field(default_factory=Attributes)
    marker: bool = False
    multipart: bool = False

    @property
    def size(self) -> int:
        return sum(each.size for each in self.parts)

    @property
    def folder(self) -> str:
        """The name of its folder among the bucket's versions."""
        return f"{self.sequence}"

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Version:
        return cls(
            **{
                **data,
                "parts": tuple(part_from_json(each) for each in data["parts"]),
                "checksum": _checksum(data["checksum"]),
                "attributes": _attributes(data["attributes"]),
            }
        )


@dataclass
class Upload:
    """One upload in parts. `algorithm` is that of its checksums, if any was asked for."""

    key: str
    upload_id: str
    initiated: float
    algorithm: str | None
    attributes: Attributes
    parts: dict[int, Part] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Without its parts: each is told by a file of its own."""
        return {**dataclasses.asdict(self), "parts": {}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Upload:
        return cls(**{**data, "attributes": _attributes(data["attributes"]), "parts": {}})


@dataclass
class Bucket:
    """One bucket. `configuration`: the documents stored with it, by subresource (`lifecycle`)."""

    name: str
    created: float
    folder: Path
    configuration: dict[str, str] = field(default_factory=dict)
    versioning: str | None = None
    object_lock: bool = False
    versions: dict[str, list[Version]] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    deletions: dict[str, int] = field(default_factory=dict)
    """When a key was deleted last, as a sequence: a conditional write that began before has met a conflict."""

    _keys: list[str] = field(default_factory=list)

    def add(self, version: Version) -> None:
        """Put a version among those of its key, by its sequence."""
        held = self.versions.get(version.key)
        if held is None:
            held = self.versions[version.key] = []
            insort(self._keys, version.key)
        held.append(version)
        held.sort(key=lambda each: -each.sequence)

    def remove(self, version: Version) -> None:
        held = self.versions[version.key]
        held.remove(version)
        if not held:
            del self.versions[version.key]
            del self._keys[bisect_left(self._keys, version.key)]

    def current(self, key: str) -> Version | None:
        """The newest version, a delete marker included."""
        held = self.versions.get(key)
        return held[0] if held else None

    def version(self, key: str, version_id: str) -> Version | None:
        return next((each for each in self.versions.get(key, ()) if each.version_id == version_id), None)

    def keys(self, prefix: str, start: str = "") -> Iterator[str]:
        """Keys with that prefix from `start` on (it included), in order. S3 orders by UTF-8, as code points do."""
        for key in self._keys[bisect_left(self._keys, max(prefix, start)) :]:
            if not key.startswith(prefix):
                return
            yield key


def part_from_json(data: Mapping[str, Any]) -> Part:
    return Part(**{**data, "checksum": _checksum(data["checksum"])})


def _checksum(data: Mapping[str, Any] | None) -> Checksum | None:
    return Checksum(**data) if data else None


def _attributes(data: Mapping[str, Any]) -> Attributes:
    retention = data["retention"]
    return Attributes(**{**data, "retention": Retention(**retention) if retention else None})
