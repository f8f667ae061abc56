"""A line of the table of a move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table; `problem` is empty when it is right."""

    subject: str
    before: str
    after: str
    problem: str = ""


def row(subject: str, before: str, after: str, good: bool, why: str = "") -> Row:  # noqa: FBT001
    return Row(subject, before, after, "" if good else why or "wrong")


def some(problems: Sequence[str]) -> str:
    """The first of many, and how many more."""
    return "; ".join(problems[:4]) + (f" and {len(problems) - 4} more" if len(problems) > 4 else "")
