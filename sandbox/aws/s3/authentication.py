"""Who calls, and whether the request is as they signed it."""

from __future__ import annotations

import datetime
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from sandbox.aws.s3.errors import S3Error, invalid, refused
from sandbox.aws.s3.signatures import ALGORITHM, UNSIGNED, ChunkSignatures, Scope, request_signature
from sandbox.plan import REGION

_LONGEST_EXPIRY = 7 * 24 * 3600
_SKEW = datetime.timedelta(minutes=15)
_PARAMETERS = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders")
# S3 wants every x-amz header signed; this one only names the body's hash and is part of the signature anyway.
_NEED_NOT_BE_SIGNED = {"x-amz-content-sha256"}
_STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"

SecretOf = Callable[[str], "tuple[str, str | None] | None"]
"""Secret key and session token (None for long-lived keys) of an access key id; None for unknown ones."""


@dataclass(frozen=True)
class Signed:
    """A request whose signature holds. `payload`: what was signed for the body; `chunks`: where that is in chunks."""

    access_key_id: str
    payload: str
    chunks: ChunkSignatures | None = None


def caller_of(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """The access key id that a request names, proven or not, for the record of calls."""
    found = re.search(r"Credential=([^/,\s]+)/", headers.get("authorization", ""))
    return found[1] if found else query.get("X-Amz-Credential", "anonymous").partition("/")[0]


class Authenticator:
    """Verifies SigV4 in headers and in presigned URLs. Raises S3Error for what S3 refuses."""

    def __init__(
        self,
        secret_of: SecretOf,
        now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
        region: str = REGION,
    ) -> None:
        self._secret_of = secret_of
        self._now = now
        self._region = region

    def verify(
        self, method: str, raw_path: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str]
    ) -> Signed:
        """Header names are in lower case; `query` holds decoded pairs."""
        values = dict(query)
        if "X-Amz-Signature" in values:
            return self._presigned(method, raw_path, query, headers)
        if "authorization" in headers:
            return self._in_headers(method, raw_path, query, headers)
        if "Signature" in values and "AWSAccessKeyId" in values:
            _refuse_mechanism()
        raise refused("AccessDenied")

    def _presigned(
        self, method: str, raw_path: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str]
    ) -> Signed:
        values = dict(query)
        malformed = S3Error(
            400,
            "AuthorizationQueryParametersError",
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        )
        if any(name not in values for name in _PARAMETERS) or values["X-Amz-Algorithm"] != ALGORITHM:
            raise malformed
        try:
            scope = Scope.parse(values["X-Amz-Credential"])
            signed_at, lifetime = _time(values["X-Amz-Date"]), int(values["X-Amz-Expires"])
        except ValueError:
            raise malformed from None
        self._check_scope(scope, signed_at, malformed.code)
        if not 0 < lifetime <= _LONGEST_EXPIRY:
            raise S3Error(400, malformed.code, "X-Amz-Expires must be between 1 and 604800 seconds")
        secret = self._secret(scope, values.get("X-Amz-Security-Token", ""))
        if signed_at - self._now() > _SKEW:
            raise S3Error(403, "AccessDenied", "Request is not valid yet")
        if self._now() > signed_at + datetime.timedelta(seconds=lifetime):
            raise S3Error(403, "AccessDenied", "Request has expired")
        signed_headers = values["X-Amz-SignedHeaders"].split(";")
        _check_signed(signed_headers, headers)
        payload = headers.get("x-amz-content-sha256", UNSIGNED)
        expected = request_signature(
            method=method, raw_path=raw_path, query=query, headers=headers, signed_headers=signed_headers,
            payload=payload, date=values["X-Amz-Date"], scope=scope, secret=secret,
        )  # fmt: skip
        _compare(expected, values["X-Amz-Signature"])
        return Signed(scope.access_key_id, payload)

    def _in_headers(
        self, method: str, raw_path: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str]
    ) -> Signed:
        mechanism, _, rest = headers["authorization"].partition(" ")
        if mechanism != ALGORITHM:
            _refuse_mechanism()
        fields = dict(each.strip().partition("=")[::2] for each in rest.split(","))
        date, payload = headers.get("x-amz-date", ""), headers.get("x-amz-content-sha256")
        code = "AuthorizationHeaderMalformed"
        try:
            scope = Scope.parse(fields["Credential"])
            signed_headers, signature = fields["SignedHeaders"].split(";"), fields["Signature"]
        except (KeyError, ValueError):
            raise S3Error(400, code, "The authorization header is malformed.") from None
        try:
            signed_at = _time(date)
        except ValueError:
            raise S3Error(
                403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header"
            ) from None
        if payload is None:
            raise invalid("Missing required header for this request: x-amz-content-sha256")
        self._check_scope(scope, signed_at, code)
        secret = self._secret(scope, headers.get("x-amz-security-token", ""))
        if abs(self._now() - signed_at) > _SKEW:
            raise S3Error(
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            )
        _check_signed(signed_headers, headers)
        expected = request_signature(
            method=method, raw_path=raw_path, query=query, headers=headers, signed_headers=signed_headers,
            payload=payload, date=date, scope=scope, secret=secret,
        )  # fmt: skip
        _compare(expected, signature)
        chunked = payload.removesuffix("-TRAILER") == _STREAMING
        chunks = ChunkSignatures(scope.signing_key(secret), date, scope, signature) if chunked else None
        return Signed(scope.access_key_id, payload, chunks)

    def _check_scope(self, scope: Scope, signed_at: datetime.datetime, code: str) -> None:
        if (scope.service, scope.end) != ("s3", "aws4_request") or scope.day != signed_at.strftime("%Y%m%d"):
            raise S3Error(400, code, "The credential scope is not valid for this request.")
        if scope.region != self._region:
            raise S3Error(400, code, f"the region '{scope.region}' is wrong; expecting '{self._region}'")

    def _secret(self, scope: Scope, token: str) -> str:
        known = self._secret_of(scope.access_key_id)
        if known is None:
            raise S3Error(
                403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."
            )
        secret, wanted = known
        if not hmac.compare_digest((wanted or "").encode(), token.encode()):
            raise S3Error(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        return secret


def _check_signed(signed_headers: Sequence[str], headers: Mapping[str, str]) -> None:
    unsigned = [
        name
        for name in headers
        if name.startswith("x-amz-") and name not in signed_headers and name not in _NEED_NOT_BE_SIGNED
    ]
    if "host" not in signed_headers or unsigned:
        raise S3Error(403, "AccessDenied", "There were headers present in the request which were not signed")


def _compare(expected: str, given: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise S3Error(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and "
            "signing method.",
        )


def _refuse_mechanism() -> NoReturn:
    raise invalid("The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
