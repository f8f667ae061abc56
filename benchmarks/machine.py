"""What the figures were measured on: they mean nothing without it."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MIB = 1024**2


def facts(programs: Mapping[str, str]) -> dict[str, Any]:
    """Machine and versions. `programs` are command lines whose first line of output names a version."""
    return {
        "machine": {
            "cores": cores(),
            "processor": _line("/proc/cpuinfo", "model name"),
            "memory_mib": int(_line("/proc/meminfo", "MemTotal").split()[0]) // 1024,
            "kernel": platform.release(),
            "load_before": list(os.getloadavg()),
        },
        "versions": {
            "python": platform.python_version(),
            "lifeboat": _first_line(["git", "describe", "--always", "--dirty"]),
            **{name: _first_line(command.split()) for name, command in programs.items()},
        },
        "measured": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def busy_cores(into: list[float]) -> Iterator[None]:
    """Append how many cores of the machine were busy on average while the context lasted, whoever kept them so."""
    before, began = busy_seconds(), time.monotonic()
    yield
    into.append(round((busy_seconds() - before) / (time.monotonic() - began), 2))


def busy_seconds() -> float:
    """CPU seconds that the machine has spent since it started, waits aside."""
    user, nice, system, _, _, interrupts, soft, *_ = map(int, _line("/proc/stat", "cpu", " ").split())
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


def _line(file: str, name: str, separator: str = ":") -> str:
    for line in Path(file).read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(separator)
        if key.strip() == name:
            return value.strip()
    return "0"


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    except OSError:
        return "not here"
    return next(iter(done.stdout.splitlines()), "unknown")
