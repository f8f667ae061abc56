"""From a request to its answer: who asks for what, may they, and the record of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from sandbox.aws.calls import Call, CallLog
from sandbox.aws.s3 import xml
from sandbox.aws.s3.authentication import Authenticator, Signed, caller_of
from sandbox.aws.s3.bodies import Body
from sandbox.aws.s3.errors import S3Error, refused
from sandbox.aws.s3.operations import find
from sandbox.aws.s3.publicity import is_unsigned, lets_anybody_read
from sandbox.aws.s3.requests import Context, Request, Response
from sandbox.aws.s3.signatures import UNSIGNED, split_query
from sandbox.aws.s3.store import Store
from sandbox.plan import ACCOUNT_ID

_RIGHTS = {
    "x-amz-bypass-governance-retention": "BypassGovernanceRetention",
    "x-amz-object-lock-legal-hold": "PutObjectLegalHold",
    "x-amz-object-lock-mode": "PutObjectRetention",
    "x-amz-tagging": "PutObjectTagging",
}
_log = logging.getLogger(__name__)


class Service:
    """S3 without HTTP. Safe for threads."""

    def __init__(self, store: Store, authenticator: Authenticator, calls: CallLog) -> None:
        self._context = Context(store)
        self._authenticator = authenticator
        self._calls = calls

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: Body) -> Response:
        """The answer to one request, errors included; the call is recorded when this returns.

        `target` is the raw one of the request line; header names are in lower case.
        """
        started = time.time()
        raw_path, _, raw_query = target.partition("?")
        pairs = split_query(raw_query)
        query = dict(pairs)
        bucket, _, key = unquote(raw_path, errors="surrogateescape").lstrip("/").partition("/")
        about = _about(bucket, key, query, headers)
        call = Call("s3", method, caller_of(headers, query), about)
        try:
            operation = find(method, bucket, key, query, headers)
            call.action = operation.name
            if operation.name == "GetObject" and is_unsigned(headers, query):
                if not lets_anybody_read(self._context.store.bucket(bucket), bucket, key):
                    raise refused("AccessDenied")
                signed = Signed("anonymous", UNSIGNED)
            else:
                signed = self._authenticator.verify(method, raw_path, pairs, headers)
            body.payload, body.chunks = signed.payload, signed.chunks
            if headers.get("x-amz-expected-bucket-owner", ACCOUNT_ID) != ACCOUNT_ID:
                raise refused("AccessDenied")
            response = operation.run(self._context, Request(method, bucket, key, query, headers, body, about))
        except S3Error as error:
            response = _refusal(error)
        except Exception:
            _log.exception("%s %s", call.action, bucket)
            response = _refusal(S3Error(500, "InternalError", "We encountered an internal error. Please try again."))
        self._calls.write(call, started, response.status)
        return response


def _about(bucket: str, key: str, query: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
    """What the record says of a request: names, and the rights it needs beside its operation's own (`also`)."""
    about: dict[str, Any] = {"bucket": bucket, **({"key": key} if key else {})}
    about |= {name: query[name] for name in ("versionId", "prefix") if name in query}
    if also := [right for name, right in _RIGHTS.items() if name in headers]:
        about["also"] = also
    return about


def _refusal(error: S3Error) -> Response:
    body = xml.document("Error", [("Code", error.code), ("Message", error.message)])
    plain = body.replace(f' xmlns="{xml.NAMESPACE}"'.encode(), b"")  # errors have no namespace
    return Response(error.status, {"Content-Type": "application/xml", **error.headers}, plain)
