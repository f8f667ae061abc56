"""The record of every AWS API call: who called what, about which resource, and how it ended.

Proofs read it ("no instance was terminated, by nobody"), so it holds names and ids but never a body.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import botocore.session

# Fields of requests that name what a call is about; values of other fields may be secret and stay out.
_HINTS = re.compile(
    r"(InstanceId|ResourceId|HostedZoneId|FunctionName|StateMachineArn|ExecutionArn|TableName|SecretId|KeyId|TopicArn"
    r"|RoleArn|VolumeId|EventBusName|name)(\.\d+)?$",
    re.IGNORECASE,
)

_CHANGE = re.compile(rb"<Action>(\w+)</Action>.*?<Name>([^<]*)</Name>.*?<Type>(\w+)</Type>", re.DOTALL)


@dataclass
class Call:
    """One API call as its request tells it. `principal` is an access key id until the log names it."""

    service: str
    action: str
    principal: str
    resources: dict[str, Any] = field(default_factory=dict)


class CallLog:
    """Appends JSON lines: time (Unix seconds), seconds, service, action, principal, resources, status."""

    def __init__(self, path: Path, principal_of: Callable[[str], str]) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._principal_of = principal_of
        self._lock = threading.Lock()

    def write(self, call: Call, started: float, status: int) -> None:
        line = {
            "time": round(started, 3),
            "seconds": round(time.time() - started, 3),
            "service": call.service,
            "action": call.action,
            "principal": self._principal_of(call.principal),
            "resources": call.resources,
            "status": status,
        }
        with self._lock:
            self._file.write(json.dumps(line) + "\n")


def describe(environ: dict[str, Any], body: bytes) -> Call:
    """Read service, action, caller and resources off a request of any of AWS's protocols."""
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    service, principal = _scope(environ, query)
    path = environ.get("PATH_INFO", "/")
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    content = environ.get("CONTENT_TYPE", "")
    cbor = re.fullmatch(r"/service/\w+/operation/(\w+)", path)
    if target:
        return Call(service, target.rpartition(".")[2], principal, _json_hints(body))
    if cbor:
        return Call(service, cbor[1], principal)
    if content.startswith("application/x-www-form-urlencoded") or "Action" in query:
        form = {**query, **parse_qs(body.decode("utf-8", "replace"))}
        resources = {key: values[0] for key, values in form.items() if _HINTS.search(key)}
        return Call(service, form.get("Action", ["?"])[0], principal, resources)
    if service == "s3":
        bucket, _, key = path.lstrip("/").partition("/")
        copies = "HTTP_X_AMZ_COPY_SOURCE" in environ
        action = _rest_action("s3", environ["REQUEST_METHOD"], path, frozenset(query), copies=copies)
        version = {"versionId": query["versionId"][0]} if "versionId" in query else {}
        return Call("s3", action, principal, {"bucket": bucket, **({"key": key} if key else {}), **version})
    action = _rest_action(service, environ["REQUEST_METHOD"], path, frozenset(query))
    about: dict[str, Any] = {"path": unquote(path)}
    if service == "route53":
        about["changes"] = [b" ".join(each).decode("utf-8", "replace") for each in _CHANGE.findall(body)]
    return Call(service, action, principal, about)


def _scope(environ: dict[str, Any], query: dict[str, list[str]]) -> tuple[str, str]:
    match = re.search(r"Credential=([^/,\s]+)/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    if match:
        return match[2], match[1]
    credential = query.get("X-Amz-Credential", [""])[0].split("/")
    if len(credential) == 5:
        return credential[3], credential[0]
    return "s3", "anonymous"


def _json_hints(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    hints = {key: value for key, value in request.items() if _HINTS.match(key) and isinstance(value, str)}
    key = request.get("Key")
    if isinstance(key, dict) and len(key) == 1:  # DynamoDB: rights may depend on it
        hints["LeadingKey"] = str(next(iter(next(iter(key.values())).values())))
    return hints


@cache
def _routes(service: str) -> list[tuple[str, re.Pattern[str], frozenset[str], str]]:
    session = botocore.session.get_session()
    if service not in session.get_available_services():
        return []
    model = session.get_service_model(service)
    routes = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        path, _, fixed = http.get("requestUri", "/").partition("?")
        path = path.removeprefix("/{Bucket}") if service == "s3" else path
        pattern = re.sub(r"\\\{[^}]*?\\\+\\\}", "(.+)", re.escape(path))
        pattern = re.sub(r"\\\{[^}]*?\\\}", "([^/]+)", pattern)
        required = frozenset(
            part.partition("=")[0] for part in fixed.split("&") if part and not part.startswith("x-id")
        )
        routes.append((http.get("method", "POST"), re.compile(pattern.rstrip("/") + "/?"), required, name))
    # The most particular first: most fixed query parameters, then the longest path.
    return sorted(routes, key=lambda each: (-len(each[2]), -len(each[1].pattern)))


def _rest_action(service: str, method: str, path: str, query: frozenset[str], *, copies: bool = False) -> str:
    if service == "s3":
        bucket, _, key = path.lstrip("/").partition("/")
        if not bucket:
            return "ListBuckets"
        plain = _plain_s3_action(method, query, has_key=bool(key), copies=copies)
        if plain:
            return plain
        path = f"/{key}" if key else ""
    for verb, pattern, required, name in _routes(service):
        if verb == method and required <= query and pattern.fullmatch(path):
            return name
    return f"{method} {path}"


def _plain_s3_action(method: str, query: frozenset[str], *, has_key: bool, copies: bool) -> str | None:
    """The everyday actions, which S3's routes tell apart by headers or not at all."""
    action = None if query & _S3_SUBRESOURCES else _S3_PLAIN.get((method, has_key))
    if method == "PUT" and has_key and "partNumber" in query:
        action = "UploadPartCopy" if copies else "UploadPart"
    elif action == "PutObject" and copies:
        action = "CopyObject"
    elif action == "ListObjects" and "list-type" in query:
        action = "ListObjectsV2"
    return action


_S3_PLAIN = {
    ("GET", True): "GetObject",
    ("PUT", True): "PutObject",
    ("HEAD", True): "HeadObject",
    ("DELETE", True): "DeleteObject",
    ("GET", False): "ListObjects",
    ("PUT", False): "CreateBucket",
    ("HEAD", False): "HeadBucket",
    ("DELETE", False): "DeleteBucket",
}
_S3_SUBRESOURCES = frozenset(
    {
        "acl", "attributes", "cors", "delete", "encryption", "legal-hold", "lifecycle", "location", "logging",
        "notification", "object-lock", "ownershipControls", "policy", "publicAccessBlock", "restore", "retention",
        "select", "tagging", "uploadId", "uploads", "versioning", "versions", "website",
    }
)  # fmt: skip
