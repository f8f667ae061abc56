"""Which operation a request asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.aws.s3.errors import S3Error, not_offered
from sandbox.aws.s3.requests import Context, Request, Response

Handler = Callable[[Context, Request], Response]
_LEVELS = ("service", "bucket", "object")
# Query parameters that make another operation of a request; those without one of ours are answered with 501.
_SUBRESOURCES = frozenset(
    {
        "accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering",
        "inventory", "legal-hold", "lifecycle", "location", "logging", "metadataTable", "metrics", "notification",
        "object-lock", "ownershipControls", "partNumber", "policy", "policyStatus", "publicAccessBlock",
        "renameObject", "replication", "requestPayment", "restore", "retention", "select", "session", "tagging",
        "torrent", "uploadId", "uploads", "versioning", "versions", "website",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """One operation by its name in S3's API."""

    name: str
    run: Handler


_OPERATIONS: dict[tuple[str, str, frozenset[str]], Operation] = {}


def operation(name: str, method: str, level: str, *subresources: str) -> Callable[[Handler], Handler]:
    """Register the handler of one operation. `level`: service, bucket or object."""

    def register(handler: Handler) -> Handler:
        _OPERATIONS[method, level, frozenset(subresources)] = Operation(name, handler)
        return handler

    return register


def find(method: str, bucket: str, key: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Operation:
    """The operation. Raises S3Error for one that is not offered."""
    level = _LEVELS[bool(bucket) + bool(bucket and key)]
    asked = _SUBRESOURCES & query.keys()
    if level == "object" and method in {"GET", "HEAD"} and "uploadId" not in asked:
        asked -= {"partNumber"}  # there it only narrows a read
    if level == "bucket" and method == "GET" and not asked and query.get("list-type") == "2":
        asked = frozenset({"list-type"})
    if method == "PUT" and level == "object" and "x-amz-copy-source" in headers:
        asked |= {"copy"}
    found = _OPERATIONS.get((method, level, frozenset(asked)))
    if found is None and not asked:
        raise S3Error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    if found is None:
        raise not_offered(f"{method} of {level} with {', '.join(sorted(asked))}")
    return found
