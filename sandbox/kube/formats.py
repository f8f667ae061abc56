"""The formats of strings that a schema can ask for and the API server checks; others say nothing."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import re
import urllib.parse
from collections.abc import Callable

_DATE_TIME = re.compile(r"^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$", re.ASCII)
_LABEL = re.compile(r"^[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?$")
_DURATION = re.compile(
    r"^[+-]?(0|(\d+(\.\d*)?|\.\d+)\s*(ns|us|µs|ms|s|m|h|d|w)(\s*(\d+(\.\d*)?)(ns|us|µs|ms|s|m|h))*)$"
)
_UUID = re.compile(r"^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$", re.IGNORECASE)
_MAC = re.compile(r"^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$")


def holds(name: str, value: str) -> bool:
    """Whether `value` is of the format; true for formats that nobody checks."""
    check = _FORMATS.get(name.replace("-", ""))
    return check is None or check(value)


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        try:
            parse(value)
        except ValueError:  # binascii's error is one too
            return False
        return True

    return check


def _date_time(value: str) -> bool:
    if not _DATE_TIME.match(value):
        return False
    return _parses(datetime.datetime.fromisoformat)(re.sub(r"\.\d+", "", value.upper()).replace("Z", "+00:00"))


def _hostname(value: str) -> bool:
    return 0 < len(value) <= 255 and all(_LABEL.match(label) for label in value.split("."))


def _uri(value: str) -> bool:
    if not value or value != value.strip() or any(ord(each) < 32 for each in value):
        return False
    return value.startswith("/") or bool(urllib.parse.urlsplit(value).scheme)


def _base64(value: str) -> None:
    base64.b64decode(value, validate=True)


_FORMATS: dict[str, Callable[[str], bool]] = {
    "datetime": _date_time,
    "date": _parses(datetime.date.fromisoformat),
    "duration": lambda value: bool(_DURATION.match(value)),
    "hostname": _hostname,
    "uri": _uri,
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "cidr": _parses(ipaddress.ip_interface),
    "mac": lambda value: bool(_MAC.match(value)),
    "uuid": lambda value: bool(_UUID.match(value)),
    "byte": _parses(_base64),
}
