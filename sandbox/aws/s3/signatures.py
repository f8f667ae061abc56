"""SigV4 as S3 reads it, in headers and in presigned URLs.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote, unquote_plus

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True)
class Scope:
    """The credential scope: whose key, for which day, region and service."""

    access_key_id: str
    day: str
    region: str
    service: str
    end: str

    @classmethod
    def parse(cls, credential: str) -> Scope:
        """Raises ValueError for what is not five fields."""
        access_key_id, day, region, service, end = credential.rsplit("/", 4)
        return cls(access_key_id, day, region, service, end)

    def __str__(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/{self.end}"

    def signing_key(self, secret: str) -> bytes:
        key = f"AWS4{secret}".encode()
        for part in (self.day, self.region, self.service, self.end):
            key = hmac.new(key, part.encode("utf-8"), hashlib.sha256).digest()
        return key


def split_query(raw: str) -> list[tuple[str, str]]:
    """Decoded pairs of a raw query string, in its order, without values dropped."""
    pairs = []
    for part in raw.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((unquote_plus(name.replace("+", "%2B")), unquote_plus(value.replace("+", "%2B"))))
    return pairs


def request_signature(
    *,
    method: str,
    raw_path: str,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    signed_headers: Sequence[str],
    payload: str,
    date: str,
    scope: Scope,
    secret: str,
) -> str:
    """The signature that a request must carry, in hex.

    Header names are in lower case; `payload` is what stands for the body: its SHA-256 or one of S3's words; `date` is
    X-Amz-Date. A path counts encoded once, however the client wrote it.
    """
    canonical_query = "&".join(
        f"{name}={value}"
        for name, value in sorted(
            (quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query if name != "X-Amz-Signature"
        )
    )
    canonical_headers = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in signed_headers)
    path = quote(unquote(raw_path, errors="surrogateescape"), safe="/-_.~", errors="surrogateescape")
    request = "\n".join([method, path, canonical_query, canonical_headers, ";".join(signed_headers), payload])
    return sign(scope.signing_key(secret), ALGORITHM, date, scope, hashlib.sha256(request.encode("utf-8")).hexdigest())


def sign(key: bytes, algorithm: str, date: str, scope: Scope, *digests: str) -> str:
    """The signature of a string to sign, in hex; `digests` are its last lines."""
    text = "\n".join([algorithm, date, str(scope), *digests])
    return hmac.new(key, text.encode("utf-8"), hashlib.sha256).hexdigest()


class ChunkSignatures:
    """The chain of signatures of a body in signed chunks; it begins with the request's own, the seed.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
    """

    _EMPTY = hashlib.sha256(b"").hexdigest()

    def __init__(self, key: bytes, date: str, scope: Scope, seed: str) -> None:
        self._key, self._date, self._scope, self._previous = key, date, scope, seed

    def next(self, sha256: str) -> str:
        """The signature of the next chunk, whose bytes have this SHA-256 (hex)."""
        self._previous = sign(
            self._key, f"{ALGORITHM}-PAYLOAD", self._date, self._scope, self._previous, self._EMPTY, sha256
        )
        return self._previous

    def of_trailer(self, trailer: bytes) -> str:
        """The signature of the trailing headers, each as `name:value` and a line feed."""
        digest = hashlib.sha256(trailer).hexdigest()
        return sign(self._key, f"{ALGORITHM}-TRAILER", self._date, self._scope, self._previous, digest)
