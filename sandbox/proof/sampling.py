"""Looks at all processes and at small files in etcd pods again and again, for texts that may never stand there.

What lives shorter than the time between two looks is missed: `Sampler.longest` says how long that was at most.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from sandbox.plan import Plan

PERIOD = 0.02
"""Seconds between two looks, when the machine keeps up."""
_YOUNG = 1.0
"""A process may become another program (exec) soon after it began; an older one is looked at now and then."""
_OLD_EVERY = 25
_SMALL = 1 << 16
_SIGNATURE = "X-Amz-Signature="
_WHERE = ("cmdline", "environ")


class Sampler(threading.Thread):
    """A context manager: looks as long as it is entered. `found` names places, never the text.

    `needles` are texts of this sandbox alone; a signature counts only beside the address of this sandbox's S3, because
    other sandboxes may run on the machine. Snapshots hold the cluster's secrets and are meant to, so files are searched
    for signatures alone.
    """

    def __init__(self, plan: Plan, needles: Sequence[str]) -> None:
        super().__init__(name="sampler", daemon=True)
        self._plan = plan
        self._address = plan.aws_address.encode()
        self._needles = [each.encode() for each in needles if each != _SIGNATURE]
        self._ended = threading.Event()
        self._first: dict[int, float] = {}
        self.found: set[str] = set()
        self.looks = 0
        self.processes: set[int] = set()
        """Processes whose words and environment could be read."""
        self.longest = 0.0
        """The longest time between the begins of two looks, in seconds."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(max(0.0, last + PERIOD - time.monotonic())):
            now = time.monotonic()
            self.longest = max(self.longest, now - last)
            last = now
            self._look(now)
            self.looks += 1

    def _look(self, now: float) -> None:
        alive = {int(name) for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208 - every 20 ms
        self._first = {pid: self._first.get(pid, now) for pid in alive}
        for pid, since in self._first.items():
            if now - since < _YOUNG or (self.looks + pid) % _OLD_EVERY == 0:
                for where in _WHERE:
                    self._process(pid, where)
        for tmp in self._plan.run.glob("*/pods/*/etcd/root/tmp"):
            for folder, _, names in os.walk(tmp):  # what goes meanwhile is passed over, and glob fails
                for name in names:
                    self._file(Path(folder, name))

    def _process(self, pid: int, where: str) -> None:
        try:
            text = Path(f"/proc/{pid}/{where}").read_bytes()
        except OSError:  # gone, or not ours
            return
        if where == "environ" and text:
            self.processes.add(pid)
        if self._holds(text):
            name = os.fsdecode(text.split(b"\0")[0]) if where == "cmdline" else f"process {pid}"
            self.found.add(f"{where} of {Path(name).name}")

    def _file(self, path: Path) -> None:
        try:
            if path.is_file() and path.stat().st_size <= _SMALL and _SIGNATURE.encode() in path.read_bytes():
                self.found.add(f"file {path.relative_to(self._plan.run)}")
        except OSError:  # gone
            return

    def _holds(self, text: bytes) -> bool:
        if _SIGNATURE.encode() in text and self._address in text:
            return True
        return any(needle in text for needle in self._needles)
