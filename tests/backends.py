"""Which Kubernetes API a test ran on: the column of each test, and what each column came to."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from sandbox import assets

NAMES = ("emulated", "real")
Outcomes = dict[str, str]
"""Outcome by test: passed, failed, not run."""
_OUTCOMES = pytest.StashKey[dict[str, Outcomes]]()


def here() -> tuple[str, ...]:
    """The columns that can run here; `told` says why the other cannot."""
    return NAMES if assets.available() else NAMES[:1]


def record(item: pytest.Item, report: pytest.TestReport) -> None:
    """Keep the outcome of a test that has a parameter `backend`; to be called with each of its reports."""
    call = getattr(item, "callspec", None)
    column = call.params.get("backend") if call is not None else None
    if column is None or (report.when != "call" and report.passed):
        return
    outcomes = item.config.stash.setdefault(_OUTCOMES, {}).setdefault(column, {})
    if outcomes.get(item.nodeid) != "failed":
        outcomes[item.nodeid] = "not run" if report.skipped else report.outcome


def outcomes(config: pytest.Config, folders: Iterable[str]) -> dict[str, Outcomes]:
    """By column, of the tests below these folders of `tests`; empty when none ran."""
    wanted = tuple(f"tests/{each}/" for each in folders)
    found = config.stash.get(_OUTCOMES, {})
    chosen = {
        column: {test: each for test, each in there.items() if test.startswith(wanted)}
        for column, there in found.items()
    }
    return {column: there for column, there in chosen.items() if there}


def told(found: dict[str, Outcomes]) -> str:
    """One line: how many passed, failed and did not run in each column, and why one did not run at all."""
    return "; ".join(f"{column}: {_counts(found[column]) if column in found else _absent(column)}" for column in NAMES)


def _absent(column: str) -> str:
    if column == "real":
        try:
            assets.find()
        except assets.AssetsError as error:
            return f"not run: {error}"
    return "not run"


def _counts(outcomes: Outcomes) -> str:
    results = list(outcomes.values())
    return ", ".join(f"{results.count(each)} {each}" for each in ("passed", "failed", "not run") if each in results)
