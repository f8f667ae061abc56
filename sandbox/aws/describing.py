"""Which call a request of any of AWS's protocols is, but for S3's, which names its own."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

import botocore.session

from sandbox.aws.calls import Call

# Fields of requests that name what a call is about; values of other fields may be secret and stay out.
_HINTS = re.compile(
    r"(InstanceId|ResourceId|HostedZoneId|FunctionName|StateMachineArn|ExecutionArn|TableName|SecretId|KeyId|TopicArn"
    r"|RoleArn|VolumeId|EventBusName|name)(\.\d+)?$",
    re.IGNORECASE,
)

_CHANGE = re.compile(rb"<Action>(\w+)</Action>.*?<Name>([^<]*)</Name>.*?<Type>(\w+)</Type>", re.DOTALL)


def describe(environ: dict[str, Any], body: bytes) -> Call:
    """Read service, action, caller and resources off a request of any of AWS's protocols."""
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    service, principal = scope_of(environ)
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
    action = _rest_action(service, environ["REQUEST_METHOD"], path, frozenset(query))
    about: dict[str, Any] = {"path": unquote(path)}
    if service == "route53":
        about["changes"] = [b" ".join(each).decode("utf-8", "replace") for each in _CHANGE.findall(body)]
    return Call(service, action, principal, about)


def scope_of(environ: dict[str, Any]) -> tuple[str, str]:
    """Service and access key id that a request was signed for; without a signature it is S3's, from nobody."""
    match = re.search(r"Credential=([^/,\s]+)/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    if match:
        return match[2], match[1]
    credential = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential", [""])[0].split("/")
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
        pattern = re.sub(r"\\\{[^}]*?\\\+\\\}", "(.+)", re.escape(path))
        pattern = re.sub(r"\\\{[^}]*?\\\}", "([^/]+)", pattern)
        required = frozenset(part.partition("=")[0] for part in fixed.split("&") if part)
        routes.append((http.get("method", "POST"), re.compile(pattern.rstrip("/") + "/?"), required, name))
    # The most particular first: most fixed query parameters, then the longest path.
    return sorted(routes, key=lambda each: (-len(each[2]), -len(each[1].pattern)))


def _rest_action(service: str, method: str, path: str, query: frozenset[str]) -> str:
    for verb, pattern, required, name in _routes(service):
        if verb == method and required <= query and pattern.fullmatch(path):
            return name
    return f"{method} {path}"
