"""Functions that Kubernetes adds to CEL, as far as definitions use them. A method's first argument is its object.

Addresses, networks and URLs are texts here: CEL only ever asks them something, or compares what they say.
"""

from __future__ import annotations

import ipaddress
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

Network = ipaddress.IPv4Interface | ipaddress.IPv6Interface


def _is(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        try:
            parse(value)
        except ValueError:
            return False
        return True

    return check


def _address(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(value.partition("/")[0])


def _network(value: str) -> Network:
    if "/" not in value:
        raise ValueError(f"not a network: {value}")
    return ipaddress.ip_interface(value)


def _url(value: str) -> str:
    parts = urllib.parse.urlsplit(value)
    if not (parts.scheme and parts.netloc) and not value.startswith("/"):
        raise ValueError(f"not an absolute URL: {value}")
    _ = parts.port  # raises ValueError
    return value


def _port(value: str) -> str:
    port = urllib.parse.urlsplit(value).port
    return "" if port is None else str(port)


def _split(value: str, separator: str, count: int = -1) -> list[str]:
    if count == 0:
        return []
    parts = value.split(separator) if separator else list(value)
    if 0 < count < len(parts):
        return [*parts[: count - 1], separator.join(parts[count - 1 :])]
    return parts


def _replace(value: str, old: str, new: str, count: int = -1) -> str:
    return value.replace(old, new, count)


def _find(value: str, pattern: str) -> str:
    found = re.search(pattern, value, re.ASCII)
    return found[0] if found else ""


def _find_all(value: str, pattern: str, count: int = -1) -> list[str]:
    found = [each[0] for each in re.finditer(pattern, value, re.ASCII)]
    return found if count < 0 else found[:count]


def _substring(value: str, start: int, end: int | None = None) -> str:
    stop = len(value) if end is None else end
    if not 0 <= start <= stop <= len(value):
        raise IndexError(f"index out of range: {start}")
    return value[start:stop]


def _index_of(value: Any, wanted: Any) -> int:
    if isinstance(value, str):
        return value.find(wanted)
    return value.index(wanted) if wanted in value else -1


ALL: dict[str, Callable[..., Any]] = {
    "split": _split,
    "replace": _replace,
    "find": _find,
    "findAll": _find_all,
    "trim": lambda value: value.strip(),
    "lowerAscii": lambda value: value.lower(),
    "upperAscii": lambda value: value.upper(),
    "substring": _substring,
    "indexOf": _index_of,
    "sum": sum,
    "isIP": _is(ipaddress.ip_address),
    "ip": lambda value: str(_address(value)),
    "family": lambda value: _address(value).version,
    "isCIDR": _is(_network),
    "cidr": lambda value: str(_network(value)),
    "prefixLength": lambda value: _network(value).network.prefixlen,
    "isURL": _is(_url),
    "url": _url,
    "getScheme": lambda value: urllib.parse.urlsplit(value).scheme,
    "getHost": lambda value: urllib.parse.urlsplit(value).netloc.rpartition("@")[2],
    "getHostname": lambda value: urllib.parse.urlsplit(value).hostname or "",
    "getPort": _port,
    "getEscapedPath": lambda value: urllib.parse.urlsplit(value).path,
    "getQuery": lambda value: urllib.parse.parse_qs(urllib.parse.urlsplit(value).query, keep_blank_values=True),
}
