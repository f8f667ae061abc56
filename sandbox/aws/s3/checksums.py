"""S3's checksums of objects and parts: what a request announces, what it must be.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sandbox.aws.s3.errors import invalid, malformed_trailer, not_offered

Type = str
"""FULL_OBJECT, or COMPOSITE: that of the parts' checksums."""


class Hasher(Protocol):
    """The part of hashlib's objects that is used here."""

    def update(self, data: memoryview, /) -> None: ...

    def digest(self) -> bytes: ...


class Crc32:
    """CRC-32 with hashlib's methods, big-endian as S3 writes it."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: memoryview, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


_LENGTHS = {"SHA256": 32, "SHA1": 20, "CRC32": 4}
_NOT_OFFERED = ("CRC32C", "CRC64NVME")
_HEADER = "x-amz-checksum-"
ALGORITHMS = tuple(_LENGTHS)


@dataclass(frozen=True)
class Checksum:
    """One checksum: algorithm (SHA256), value (base64; `-<parts>` behind a composite one), type."""

    algorithm: str
    value: str
    type: Type = "FULL_OBJECT"

    def headers(self) -> dict[str, str]:
        return {f"{_HEADER}{self.algorithm.lower()}": self.value, f"{_HEADER}type": self.type}

    @property
    def element(self) -> str:
        """Its name in S3's documents."""
        return f"Checksum{self.algorithm}"


def hasher(algorithm: str) -> Hasher:
    """A new hash. `algorithm` is one of ALGORITHMS or MD5."""
    return Crc32() if algorithm == "CRC32" else hashlib.new(algorithm.lower(), usedforsecurity=False)


def known(algorithm: str) -> str:
    """The name in capitals. Raises S3Error for those that are not offered or do not exist."""
    algorithm = algorithm.upper()
    if algorithm in _NOT_OFFERED:
        raise not_offered(f"the checksum {algorithm}")
    if algorithm not in _LENGTHS:
        raise invalid("Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
                      "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")  # fmt: skip
    return algorithm


def announced(headers: Mapping[str, str]) -> Checksum | None:
    """The checksum that request headers (or trailing ones) tell. Raises S3Error for two, or a value that is none."""
    found = [
        (name.removeprefix(_HEADER), value)
        for name, value in headers.items()
        if name.startswith(_HEADER) and name.removeprefix(_HEADER) not in {"algorithm", "type", "mode"}
    ]
    if len(found) > 1:
        raise invalid("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    for name, value in found:
        algorithm = known(name)
        if decoded(value) is None or len(decoded(value) or b"") != _LENGTHS[algorithm]:
            raise invalid(f"Value for {_HEADER}{name} header is invalid.")
        return Checksum(algorithm, value)
    return None


def trailing(headers: Mapping[str, str]) -> str | None:
    """The algorithm whose checksum follows the body."""
    name = headers.get("x-amz-trailer", "").strip().lower()
    if not name:
        return None
    if not name.startswith(_HEADER):
        raise malformed_trailer()
    return known(name.removeprefix(_HEADER))


def composite(algorithm: str, values: Sequence[str]) -> Checksum:
    """The checksum of parts' checksums (base64), with their number."""
    over = hasher(algorithm)
    for each in values:
        over.update(memoryview(base64.b64decode(each)))
    return Checksum(algorithm, f"{encoded(over.digest())}-{len(values)}", "COMPOSITE")


def encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")


def decoded(value: str) -> bytes | None:
    """The bytes of strict base64, None for anything else."""
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
