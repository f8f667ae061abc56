"""What the figures were measured on: they mean nothing without it."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MIB = 1024**2


def facts(programs: Mapping[str, str]) -> dict[str, Any]:
    """Machine and versions. `programs` are command lines whose first line of output names a version."""
    return {
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
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


def _line(file: str, name: str) -> str:
    for line in Path(file).read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "0"


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    except OSError:
        return "not here"
    return next(iter(done.stdout.splitlines()), "unknown")
