"""A management cluster whose API dies while its pods, load balancers and kubelets go on. It comes back as it was."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sandbox.plan import ManagementClusterPlan

AWAY = "api.away"
"""While a file of this name is in its folder, the API of a management cluster serves nobody."""

_LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 120


@contextlib.contextmanager
def without_api(cluster: ManagementClusterPlan) -> Iterator[None]:
    """Connections to its API are refused, for controllers and kubelets too."""
    away, ready = cluster.folder / AWAY, cluster.folder / "api.ready"
    away.touch()
    try:
        _wait(lambda: not ready.exists(), f"the API of {cluster.name} does not end")
        yield
    finally:
        away.unlink()
        _wait(ready.exists, f"the API of {cluster.name} does not come back")


async def until_there(file: Path) -> None:
    """For the API itself: wait until it is to be away."""
    while not file.exists():  # noqa: ASYNC110, ASYNC240 - another process makes it
        await asyncio.sleep(_LOOK_SECONDS)


async def until_gone(file: Path) -> None:
    """For the API itself: wait until it may come back."""
    while file.exists():  # noqa: ASYNC110, ASYNC240 - another process removes it
        await asyncio.sleep(_LOOK_SECONDS)


def _wait(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(_LOOK_SECONDS)
