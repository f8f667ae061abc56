"""Images without `curl`, and pods without a route to S3: of all pods of one management cluster, while it lasts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sandbox.plan import ManagementClusterPlan

# The sandbox's curl as it is, where every connection is refused: the pods share one loopback, so that a network policy
# has nothing to hold on to.
_ROUTELESS = r"""#!/bin/sh
exec %(python)s -I -S -B -c '
import runpy, socket, sys
def nowhere(*_, **__):
    raise ConnectionRefusedError("nothing answers there")
socket.create_connection = nowhere
sys.argv[0] = "%(curl)s"
runpy.run_path(sys.argv[0], run_name="__main__")
' "$@"
"""


@contextlib.contextmanager
def without_curl(cluster: ManagementClusterPlan) -> Iterator[None]:
    """No image has `curl`, running containers included."""
    programs = _programs(cluster)
    for each in programs:
        each.rename(_aside(each))
    try:
        yield
    finally:
        for each in programs:
            if _aside(each).exists():
                _aside(each).rename(each)


@contextlib.contextmanager
def without_route(cluster: ManagementClusterPlan) -> Iterator[None]:
    """`curl` is there and connects nowhere, S3 included."""
    programs = _programs(cluster)
    for each in programs:
        words = each.read_text(encoding="utf-8").split()
        curl = next(word for word in words if word.endswith("curl.py"))
        python = words[len(words) - words[::-1].index("exec")]
        part = each.with_name("curl.part")
        part.write_text(_ROUTELESS % {"python": python, "curl": curl}, encoding="utf-8")
        part.chmod(0o755)
        each.rename(_aside(each))
        part.rename(each)
    try:
        yield
    finally:
        for each in programs:
            if _aside(each).exists():
                _aside(each).replace(each)


def _aside(program: Path) -> Path:
    return program.with_name(f"{program.name}.aside")


def _programs(cluster: ManagementClusterPlan) -> list[Path]:
    """Every `curl` that a container finds: the image's, and with rewriting a container's own."""
    found = [cluster.folder / "images" / "usr" / "bin" / "curl"]
    return found + sorted(cluster.folder.glob("pods/*/*/root/.programs/curl"))
