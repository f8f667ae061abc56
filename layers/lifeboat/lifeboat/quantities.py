"""Kubernetes' quantities: `500m` of a CPU, `8Gi` of a disk."""

from __future__ import annotations

import re
from decimal import Decimal

_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def parse(text: object) -> Decimal | None:
    """The number that a quantity stands for; None when it is none (apimachinery, `resource.Quantity`)."""
    found = _QUANTITY.fullmatch(str(text).strip())
    if found is None:
        return None
    number, exponent, suffix = found[1], found[2] or "", found[3] or ""
    if suffix in _BINARY:
        return Decimal(number) * Decimal(1024 ** _BINARY[suffix])
    return Decimal(number + exponent).scaleb(_DECIMAL[suffix])


def readable(count: Decimal) -> str:
    """Bytes in GiB, for people."""
    return f"{float(count) / 1024**3:.1f} GiB"
