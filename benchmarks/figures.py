"""Figures, their targets and verdicts; how they are printed and written down."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One figure, or one size of one. `value` None: not measured, and `reason` says why.

    `name` and `size` are where it stands in the JSON. `is_met` None: there is no target, or no value.
    """

    name: str
    value: float | None
    target: str
    is_met: bool | None = None
    size: str | None = None
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        return {None: "-", True: "met", False: "FAILED"}[self.is_met]


def skipped(name: str, target: str, reason: str, size: str | None = None) -> Figure:
    """A figure that cannot be measured here."""
    return Figure(name, None, target, size=size, reason=reason)


def middle(values: Sequence[float]) -> float:
    """The median, rounded to what a measurement on a shared machine can tell."""
    return round(statistics.median(values), 3)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed. Raises ValueError when there are none."""
    if not values:
        raise ValueError("no values were measured")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def document(figures: Sequence[Figure], facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the JSON holds: plain values by name (by size below it), then how each came about, then the machine."""
    values: dict[str, Any] = {}
    verdicts = []
    for each in figures:
        if each.size is None:
            values[each.name] = each.value
        else:
            values.setdefault(each.name, {})[each.size] = each.value
        verdicts.append(
            {
                "figure": each.name,
                **({"size": each.size} if each.size else {}),
                "value": each.value,
                "target": each.target,
                "verdict": each.verdict,
                **({"reason": each.reason} if each.reason else {}),
                "detail": dict(each.detail),
            }
        )
    return {**values, "figures": verdicts, **facts}


def write(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def show(figures: Sequence[Figure], title: str) -> None:
    table = Table(title=title)
    for column in ("figure", "value", "target", "", "how"):
        table.add_column(column, overflow="fold")
    for each in figures:
        name = each.name + (f", {each.size}" if each.size else "")
        colour = {"met": "green", "FAILED": "red"}.get(each.verdict, "yellow")
        value = "" if each.value is None else f"{each.value:g}"
        how = each.reason or str(each.detail.get("in words", ""))
        table.add_row(name, value, each.target, f"[{colour}]{each.verdict}", how)
    Console(emoji=False).print(table)
