"""Which Kubernetes API a test ran on: the column of each test, and what each column came to."""

from __future__ import annotations

import pytest

NAMES = ("emulated", "real")
_OUTCOMES = pytest.StashKey[dict[str, dict[str, str]]]()


def record(item: pytest.Item, report: pytest.TestReport) -> None:
    """Keep the outcome of a test that has a parameter `backend`; to be called with each of its reports."""
    call = getattr(item, "callspec", None)
    column = call.params.get("backend") if call is not None else None
    if column is None or (report.when != "call" and report.passed):
        return
    outcomes = item.config.stash.setdefault(_OUTCOMES, {}).setdefault(column, {})
    if outcomes.get(item.nodeid) != "failed":
        outcomes[item.nodeid] = "not run" if report.skipped else report.outcome


def told(config: pytest.Config) -> str:
    """One line: how many passed, failed and did not run on each; empty when no test has a backend."""
    found = config.stash.get(_OUTCOMES, {})
    return "; ".join(f"{column}: {_counts(found.get(column, {}))}" for column in NAMES) if found else ""


def _counts(outcomes: dict[str, str]) -> str:
    results = list(outcomes.values())
    kinds = [f"{results.count(each)} {each}" for each in ("passed", "failed", "not run") if each in results]
    return ", ".join(kinds) or "not run"
