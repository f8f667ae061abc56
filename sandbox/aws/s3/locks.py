"""Object Lock: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping

from sandbox.aws.s3 import xml
from sandbox.aws.s3.errors import S3Error, invalid, refused
from sandbox.aws.s3.model import Bucket, Retention, Version

MODES = ("GOVERNANCE", "COMPLIANCE")
_SECONDS = {"Days": 86_400, "Years": 365 * 86_400}


def check_deletion(version: Version, *, bypass: bool) -> None:
    """Raises S3Error for a version that is held. `bypass`: the caller asks past GOVERNANCE."""
    held = version.attributes.retention
    active = held is not None and held.until > time.time()
    governed = active and held is not None and held.mode == "GOVERNANCE" and bypass
    if version.attributes.legal_hold or (active and not governed):
        raise S3Error(403, "AccessDenied", "Access Denied because object protected by object lock.")


def check_change(version: Version, wanted: Retention | None, *, bypass: bool) -> None:
    """Raises S3Error where a retention would be shortened or weakened that may not be."""
    held = version.attributes.retention
    if held is None or held.until <= time.time():
        return
    weaker = wanted is None or wanted.until < held.until or (held.mode, wanted.mode) == ("COMPLIANCE", "GOVERNANCE")
    if weaker and not (held.mode == "GOVERNANCE" and bypass):
        raise S3Error(403, "AccessDenied", "Access Denied because object protected by object lock.")


def require(bucket: Bucket) -> None:
    """Raises S3Error for a bucket without Object Lock."""
    if not bucket.object_lock:
        raise invalid("Bucket is missing Object Lock Configuration")


def from_headers(bucket: Bucket, headers: Mapping[str, str]) -> tuple[Retention | None, bool]:
    """Retention and legal hold of a new object: its own by headers, or the bucket's default."""
    mode, until = headers.get("x-amz-object-lock-mode"), headers.get("x-amz-object-lock-retain-until-date")
    hold = headers.get("x-amz-object-lock-legal-hold", "OFF")
    if mode or until or hold == "ON":
        require(bucket)
    if hold not in {"ON", "OFF"}:
        raise S3Error(400, "InvalidArgument", "Legal Hold must be either of 'ON' or 'OFF'")
    if bool(mode) != bool(until):
        raise S3Error(
            400,
            "InvalidArgument",
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
        )
    retention = retention_of(mode, until) if mode and until else _default(bucket)
    return retention, hold == "ON"


def retention_of(mode: str | None, until: str | None) -> Retention:
    """Raises S3Error for an unknown mode or a date that is none or past."""
    if mode not in MODES:
        raise S3Error(400, "InvalidArgument", "Unknown wormMode directive.")
    try:
        seconds = datetime.datetime.fromisoformat(until or "").timestamp()
    except ValueError:
        raise S3Error(400, "InvalidArgument", "The retain until date must be provided in ISO 8601 format") from None
    if seconds <= time.time():
        raise S3Error(400, "InvalidArgument", "The retain until date must be in the future!")
    return Retention(mode, seconds)


def check_configuration(body: bytes) -> None:
    """Raises S3Error for a configuration that S3 would not take."""
    _rule(body)


def _default(bucket: Bucket) -> Retention | None:
    body = bucket.configuration.get("object-lock")
    rule = _rule(body.encode()) if body else None
    return Retention(rule[0], time.time() + rule[1]) if rule else None


def _rule(body: bytes) -> tuple[str, int] | None:
    """Mode and seconds of the default retention, None for a configuration without one."""
    root = xml.parse(body, "ObjectLockConfiguration")
    if xml.text(root, "ObjectLockEnabled") != "Enabled":
        raise refused("MalformedXML")
    if root.find("Rule") is None:
        return None
    mode = xml.text(root, "Rule/DefaultRetention/Mode")
    given = {unit: xml.text(root, f"Rule/DefaultRetention/{unit}") for unit in _SECONDS}
    lengths = [(unit, value) for unit, value in given.items() if value]
    if mode not in MODES or len(lengths) != 1 or not lengths[0][1].isdigit() or int(lengths[0][1]) < 1:
        raise refused("MalformedXML")
    return mode, int(lengths[0][1]) * _SECONDS[lengths[0][0]]
