"""What a bucket policy lets everybody read: the one part of policies that is honoured here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from sandbox.aws.s3.model import Bucket


def is_unsigned(headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
    """Whether a request names nobody."""
    return "authorization" not in headers and not {"X-Amz-Signature", "Signature"} & query.keys()


def lets_anybody_read(bucket: Bucket, name: str, key: str) -> bool:
    """Whether the stored policy allows `s3:GetObject` to everybody; what it denies counts whatever its conditions."""
    document = json.loads(bucket.configuration.get("policy") or "{}")
    listed = document.get("Statement") or []
    statements = [listed] if isinstance(listed, dict) else listed
    about = [each for each in statements if _is_about(each, f"arn:aws:s3:::{name}/{key}")]
    allowed = [each for each in about if each["Effect"] == "Allow" and "Condition" not in each and _is_public(each)]
    return bool(allowed) and not any(each["Effect"] == "Deny" for each in about)


def _is_about(statement: Mapping[str, Any], arn: str) -> bool:
    actions, resources = _list(statement.get("Action", [])), _list(statement.get("Resource", []))
    return any(fnmatchcase("s3:GetObject", each) for each in actions) and any(
        fnmatchcase(arn, each) for each in resources
    )


def _is_public(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    return principal == "*" or (isinstance(principal, dict) and "*" in _list(principal.get("AWS", [])))


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
