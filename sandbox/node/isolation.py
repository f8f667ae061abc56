"""How containers are kept apart: `namespaces` where the machine allows them, else `rewrite`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SHIM = Path(__file__).with_name("shim.py")
PYTHON = Path(sys.executable).resolve()
NAMESPACES, REWRITE = "namespaces", "rewrite"


def shim(*arguments: str) -> list[str]:
    """The command line that starts the shim: isolated from the user's Python settings, and quick."""
    return [str(PYTHON), "-I", "-S", "-B", str(SHIM), *arguments]


def detect() -> str:
    """`namespaces` when an ordinary user may make user, mount and pid namespaces here, else `rewrite`."""
    return NAMESPACES if subprocess.run(shim("probe"), check=False).returncode == 0 else REWRITE
