"""Whose CPU seconds are whose: children that were waited for count, other sandboxes' do not."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

from benchmarks.cpu_seconds import KINDS, REST, UPLOADS, WORKER, CpuSeconds

_SECONDS = 0.3
_TICKS = 0.05
"""What the kernel's count by ticks may leave out."""
_BURN = f"""
import time
while time.process_time() < {_SECONDS}: pass
"""


def _script(name, folder):
    """A shell whose short-lived child works, and which stays a while, as the pod's do."""
    command = f"{sys.executable} -I -c '{_BURN}'; read -r _"
    return subprocess.Popen(["/bin/sh", "-c", command, name, str(folder)], stdin=subprocess.PIPE)


def test_seconds_of_children_count_for_the_kind_that_waits_for_them(tmp_path):
    plan = SimpleNamespace(run=tmp_path / "run", aws_url="http://127.0.0.1:9")
    mine, other = plan.run / "staging", tmp_path / "other"
    with ExitStack() as stack, CpuSeconds(plan) as used:
        names = [("lifeboat-work", mine), ("lifeboat-lane", mine), ("lifeboat-lane", other), ("lifeboat-lane", other)]
        shells = [stack.enter_context(_script(*each)) for each in names]
        for shell in shells:
            _until_its_child_is_gone(shell)
    assert _SECONDS - _TICKS <= used.used[WORKER] < 2 * _SECONDS
    assert _SECONDS - _TICKS <= used.used[UPLOADS] < 2 * _SECONDS
    assert used.used[REST] >= 2 * _SECONDS - 2 * _TICKS
    assert set(used.used) == set(KINDS)


def _until_its_child_is_gone(shell):
    deadline = time.monotonic() + 20
    while not _reaped(shell.pid):
        assert time.monotonic() < deadline, "its child took too long"
        time.sleep(0.02)


def _reaped(number):
    words = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, words[13:15])) / os.sysconf("SC_CLK_TCK")
