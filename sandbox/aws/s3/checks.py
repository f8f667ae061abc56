"""Refusals of S3 that a backup relies on: expired or altered URLs, bytes other than announced, anonymous callers."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from sandbox.aws.s3.signatures import presigned_signature, split_query

_LONGEST_EXPIRY = 7 * 24 * 3600
_PARAMETERS = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders")
# S3 wants every x-amz header signed; this one only names the body's hash and is part of the signature anyway.
_NEED_NOT_BE_SIGNED = {"x-amz-content-sha256"}


@dataclass(frozen=True)
class Refusal:
    """An error of S3."""

    status: int
    code: str
    message: str

    def to_xml(self) -> bytes:
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{self.code}</Code><Message>{escape(self.message)}</Message></Error>"
        ).encode()


_MALFORMED = Refusal(
    400,
    "AuthorizationQueryParametersError",
    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
    "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
)
_UNKNOWN_KEY = Refusal(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
_WRONG_SIGNATURE = Refusal(
    403,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided.",
)


class S3Checks:
    """`secret_of(access_key_id)` gives the secret key and the session token, or None for unknown keys."""

    def __init__(
        self,
        secret_of: Callable[[str], tuple[str, str | None] | None],
        now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
    ) -> None:
        self._secret_of = secret_of
        self._now = now

    def refuse(self, environ: Mapping[str, Any], body: bytes) -> Refusal | None:
        """Why S3 would refuse this request before it looks at the bucket, or None."""
        headers = _headers(environ)
        raw_path, _, raw_query = environ.get("RAW_URI", environ.get("REQUEST_URI", "/")).partition("?")
        query = split_query(raw_query)
        names = {name for name, _ in query}
        if "X-Amz-Signature" in names:
            refusal = self._refuse_presigned(environ["REQUEST_METHOD"], raw_path, query, headers)
        elif "Signature" in names and "AWSAccessKeyId" in names:
            refusal = Refusal(
                400,
                "InvalidRequest",
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
            )
        elif "authorization" not in headers and environ["REQUEST_METHOD"] != "OPTIONS":
            refusal = Refusal(403, "AccessDenied", "Access Denied")
        else:
            refusal = None
        if refusal is None and environ["REQUEST_METHOD"] == "PUT":
            refusal = _refuse_body(environ, headers, body)
        return refusal

    def _refuse_presigned(
        self, method: str, raw_path: str, query: list[tuple[str, str]], headers: Mapping[str, str]
    ) -> Refusal | None:
        values = dict(query)
        if any(name not in values for name in _PARAMETERS) or values["X-Amz-Credential"].count("/") != 4:
            return _MALFORMED
        known = self._secret_of(values["X-Amz-Credential"].split("/")[0])
        if known is None:
            return _UNKNOWN_KEY
        secret, token = known
        if token is not None and not hmac.compare_digest(values.get("X-Amz-Security-Token", ""), token):
            return Refusal(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        if refusal := self._refuse_time(values):
            return refusal
        signed = values["X-Amz-SignedHeaders"].split(";")
        if "host" not in signed or any(
            name.startswith("x-amz-") and name not in signed and name not in _NEED_NOT_BE_SIGNED for name in headers
        ):
            return Refusal(403, "AccessDenied", "There were headers present in the request which were not signed")
        expected = presigned_signature(
            method=method, raw_path=raw_path, query=query, headers=headers, signed_headers=signed, secret=secret
        )
        return None if hmac.compare_digest(expected, values["X-Amz-Signature"]) else _WRONG_SIGNATURE

    def _refuse_time(self, values: Mapping[str, str]) -> Refusal | None:
        try:
            signed_at = datetime.datetime.strptime(values["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
            lifetime = int(values["X-Amz-Expires"])
        except ValueError:
            return _MALFORMED
        if not 0 < lifetime <= _LONGEST_EXPIRY:
            return Refusal(400, _MALFORMED.code, "X-Amz-Expires must be between 1 and 604800 seconds")
        if self._now() > signed_at + datetime.timedelta(seconds=lifetime):
            return Refusal(403, "AccessDenied", "Request has expired")
        return None


def _refuse_body(environ: Mapping[str, Any], headers: Mapping[str, str], body: bytes) -> Refusal | None:
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked" and "x-amz-decoded-content-length" not in headers:
        return Refusal(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    if "aws-chunked" in headers.get("content-encoding", ""):
        return None  # the digest trails the encoded body; over plain HTTP the SDK does not send this form
    announced = headers.get("content-md5")
    if announced and announced != _base64(hashlib.md5(body, usedforsecurity=False).digest()):
        return Refusal(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
    payload_hash = headers.get("x-amz-content-sha256", "")
    if len(payload_hash) == 64 and payload_hash != hashlib.sha256(body).hexdigest():
        return Refusal(
            400,
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
    for algorithm, compute in _CHECKSUMS.items():
        announced = headers.get(f"x-amz-checksum-{algorithm}")
        if announced and announced != _base64(compute(body)):
            return Refusal(
                400, "BadDigest", f"The {algorithm.upper()} you specified did not match the calculated checksum."
            )
    return None


def name_the_checksum(environ: dict[str, Any]) -> None:
    """Have moto keep the checksum of an upload whose sender did not also name its algorithm, as `curl` does not."""
    for algorithm in (*_CHECKSUMS, "crc32c", "crc64nvme"):
        if f"HTTP_X_AMZ_CHECKSUM_{algorithm.upper()}" in environ:
            environ.setdefault("HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM", algorithm.upper())


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")


_CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "sha256": lambda body: hashlib.sha256(body).digest(),
}


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH", "CONTENT_MD5"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = str(environ[name])
    return headers
