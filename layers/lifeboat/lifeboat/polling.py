"""One look of a waiting loop. The machine waits; a check only looks, counts its looks, and gives up by name.

A loop is: Check… (answer below `$.<key>`) → Choice on `done` → Wait → Check…. The previous answer travels in the
machine's data, so the count survives every retry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lifeboat.errors import LifeboatError

_TOLD = 4


def look(
    previous: Mapping[str, Any] | None,
    waiting_for: Sequence[str],
    *,
    topic: str,
    at_most: int,
    error: type[LifeboatError],
) -> dict[str, Any]:
    """The answer of one look: `{topic, done, waitingFor, attempt}`.

    `previous` counts only when it is about the same topic (one key may serve several loops). Raises `error` at the
    look number `at_most`, saying what is still awaited.
    """
    attempt = previous["attempt"] + 1 if previous and previous.get("topic") == topic else 1
    if waiting_for and attempt >= at_most:
        msg = f"{topic}: still waiting for {one_line(waiting_for)} after {attempt} looks"
        raise error(msg)
    return {"topic": topic, "done": not waiting_for, "waitingFor": one_line(waiting_for), "attempt": attempt}


def one_line(reasons: Sequence[str]) -> str:
    """The first few reasons, and how many more there are."""
    more = f" (and {len(reasons) - _TOLD} more)" if len(reasons) > _TOLD else ""
    return "; ".join(reasons[:_TOLD]) + more
