"""Bytes of a request on their way to a file, whatever the framing, hashed while they pass."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from sandbox.aws.s3 import checksums
from sandbox.aws.s3.checksums import Checksum, Hasher
from sandbox.aws.s3.errors import S3Error, invalid, malformed_trailer, refused
from sandbox.aws.s3.signatures import UNSIGNED, ChunkSignatures

LARGEST = 5 * 1024**3
"""Bytes that one PUT may bring."""

_BUFFER = 1 << 18
_LONGEST_LINE = 8192
_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_CHUNKED = (_TRAILER, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")


class Stream(Protocol):
    """The part of a buffered reader that is used here."""

    def readline(self, size: int | None = -1, /) -> bytes: ...

    def readinto1(self, buffer: memoryview, /) -> int: ...


class Body:
    """The body of one request. `stream` gives what follows the headers; `begin` is called before the first read.

    `payload` is what the signature says of it, `chunks` verifies signed chunks.
    """

    def __init__(self, stream: Stream, headers: Mapping[str, str], begin: Callable[[], None]) -> None:
        self._stream = stream
        self._headers = headers
        self._begin = begin
        self._begun = False
        self.left = int(headers.get("content-length") or 0)
        self.payload = UNSIGNED
        self.chunks: ChunkSignatures | None = None

    @property
    def _is_chunked(self) -> bool:
        return self.payload in _CHUNKED

    @property
    def size(self) -> int:
        """How many bytes it will bring. Raises S3Error when the request does not say."""
        if "content-length" not in self._headers:
            raise refused("MissingContentLength")
        if not self._is_chunked:
            return int(self._headers["content-length"])
        length = self._headers.get("x-amz-decoded-content-length", "")
        if not length.isdigit():
            raise refused("MissingContentLength")
        return int(length)

    def read(self, limit: int = 1 << 21) -> bytes:
        """All of a document, digests checked. Raises S3Error for more than `limit` bytes."""
        if "content-length" not in self._headers:
            return b""
        if self.size > limit:
            raise refused("EntityTooLarge")
        blocks: list[bytes] = []
        self._receive(lambda block: blocks.append(bytes(block)), ())
        return b"".join(blocks)

    def save(self, path: Path, *, md5: bool) -> tuple[int, str | None, Checksum | None]:
        """Write it to `path`: its size, MD5 (hex, where `md5` asks for it) and the checksum that was announced.

        Raises S3Error when there are other bytes than announced.
        """
        size = self.size
        if size > LARGEST:
            raise refused("EntityTooLarge")
        with path.open("wb", buffering=0) as file:
            digests, checksum = self._receive(file.write, ("MD5",) if md5 else ())
        return size, digests["MD5"].hex() if "MD5" in digests else None, checksum

    def discard(self, most: int) -> bool:
        """Read what is left away, so that a client that still sends hears the answer. False when it is too much."""
        if self.left > most or "transfer-encoding" in self._headers:
            return False
        if self._begun or "100-continue" not in self._headers.get("expect", ""):
            for _ in self._raw(self.left):
                pass
        return self.left == 0

    def _receive(
        self, write: Callable[[memoryview], object], wanted: tuple[str, ...]
    ) -> tuple[dict[str, bytes], Checksum | None]:
        announced, trailing = checksums.announced(self._headers), checksums.trailing(self._headers)
        named = self._headers.get("x-amz-sdk-checksum-algorithm")
        if named and not announced and not trailing:
            raise invalid(
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
                "headers were found."
            )
        algorithms = {*wanted, *(each for each in (trailing, announced and announced.algorithm) if each)}
        content_md5 = self._headers.get("content-md5")
        if content_md5 is not None:
            if len(checksums.decoded(content_md5) or b"") != 16:
                raise S3Error(400, "InvalidDigest", "The Content-MD5 you specified is not valid.")
            algorithms.add("MD5")
        signed_hash = self.payload if len(self.payload) == 64 else None
        if signed_hash:
            algorithms.add("SHA256")
        hashers = {each: checksums.hasher(each) for each in algorithms}
        trailer = self._pass(write, tuple(hashers.values()))
        digests = {name: each.digest() for name, each in hashers.items()}
        if content_md5 is not None and digests["MD5"] != checksums.decoded(content_md5):
            raise refused("BadDigest")
        if signed_hash and digests["SHA256"].hex() != signed_hash:
            raise S3Error(
                400,
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
        expected = announced
        if trailing:
            expected = checksums.announced(trailer)
            if expected is None or expected.algorithm != trailing:
                raise malformed_trailer()
        return digests, _proven(expected, digests)

    def _pass(self, write: Callable[[memoryview], object], hashers: tuple[Hasher, ...]) -> dict[str, str]:
        """Hand all bytes to `write` and the hashes; the trailing headers, if any."""
        if not self._is_chunked:
            for block in self._raw(self.size):
                for each in hashers:
                    each.update(block)
                write(block)
            return {}
        received = 0
        while length := self._chunk(write, hashers):
            received += length
            if self._line() != b"":
                raise refused("IncompleteBody")
        if received != self.size:
            raise refused("IncompleteBody")
        return self._trailer()

    def _chunk(self, write: Callable[[memoryview], object], hashers: tuple[Hasher, ...]) -> int:
        """Hand on one chunk, signature checked, but for the line feed behind it; its length. The last one has 0."""
        size, _, extension = self._line().partition(b";")
        try:
            length = int(size, 16)
        except ValueError:
            raise refused("IncompleteBody") from None
        digest = hashlib.sha256()
        for block in self._raw(length):
            for each in (*hashers, digest):
                each.update(block)
            write(block)
        if self.chunks and self.chunks.next(digest.hexdigest()) != _signature(extension):
            raise S3Error(403, "SignatureDoesNotMatch", "The chunk signature we calculated does not match.")
        return length

    def _trailer(self) -> dict[str, str]:
        found: dict[str, str] = {}
        signature = None
        while self.left and (line := self._line()):
            name, _, value = line.decode("latin-1").partition(":")
            if name.strip().lower() == "x-amz-trailer-signature":
                signature = value.strip()
            else:
                found[name.strip().lower()] = value.strip()
        if self.chunks and self.payload.endswith("-TRAILER"):
            text = "".join(f"{name}:{value}\n" for name, value in found.items())
            if self.chunks.of_trailer(text.encode()) != signature:
                raise S3Error(403, "SignatureDoesNotMatch", "The trailer signature we calculated does not match.")
        return found

    def _line(self) -> bytes:
        self._start()
        line = self._stream.readline(_LONGEST_LINE)
        self.left -= len(line)
        if not line.endswith(b"\n"):
            raise refused("IncompleteBody")
        return line.rstrip(b"\r\n")

    def _raw(self, count: int) -> Iterator[memoryview]:
        self._start()
        buffer = memoryview(bytearray(min(_BUFFER, max(count, 1))))
        while count:
            got = self._stream.readinto1(buffer[: min(count, len(buffer))])
            if not got:
                self.left = 0
                raise refused("IncompleteBody")
            count -= got
            self.left -= got
            yield buffer[:got]

    def _start(self) -> None:
        if not self._begun:
            self._begun = True
            self._begin()


def _proven(expected: Checksum | None, digests: Mapping[str, bytes]) -> Checksum | None:
    if expected is None:
        return None
    if checksums.decoded(expected.value) != digests[expected.algorithm]:
        raise S3Error(
            400,
            "BadDigest",
            f"The {expected.algorithm} you specified did not match the calculated checksum.",
        )
    return expected


def _signature(extension: bytes) -> str:
    return extension.decode("latin-1").partition("chunk-signature=")[2].strip()
