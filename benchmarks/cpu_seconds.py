"""CPU seconds by who used them, from the kernel's own counts (`/proc/<pid>/stat`).

A process that was waited for is counted by its parent, so short ones (dd, openssl, curl) are not missed; of one that
nobody waited for, what it used since the last look is.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.machine import busy_seconds
from sandbox.plan import Plan

ETCD, ETCDCTL, WORKER, UPLOADS, S3, FUNCTIONS = "etcd", "etcdctl", "worker", "uploads", "S3", "functions"
REST = "rest"
"""All others: the rest of the sandbox, the kernel's threads, and whoever else uses this machine."""
KINDS = (ETCD, ETCDCTL, WORKER, UPLOADS, S3, FUNCTIONS, REST)
_EVERY = 0.25
_TICK = os.sysconf("SC_CLK_TCK")
_DEEP = 50
_TRIES = 3
"""Looks after which a process that is nothing yet stays nothing: a fork may not have become its program yet."""
# What a command line holds, and whose it is then; the first that fits. Worker and watch are told by their `$0`.
_MARKS = (
    (b"\0lifeboat-lane\0", UPLOADS),
    (b"\0lifeboat-work\0", WORKER),
    (b"\0lifeboat-watch\0", WORKER),
    (b"\0snapshot\0save\0", ETCDCTL),
    (b"/etcd\0--name=", ETCD),
    (b"\0sandbox.aws.s3\0", S3),
    (b"sandbox/aws/functions/runtime/bootstrap.py", FUNCTIONS),
)
_OWN = (ETCD, ETCDCTL)
"""Those whose children are none of theirs, or have none."""


@dataclass(frozen=True)
class _Process:
    parent: int
    began: int
    own: float
    reaped: float


class CpuSeconds:
    """Looks while the context lasts; `used` holds seconds by kind then. Only processes of this sandbox are told."""

    def __init__(self, plan: Plan) -> None:
        self._run = str(plan.run).encode()
        self._endpoint = f"AWS_ENDPOINT_URL={plan.aws_url}".encode()
        self._kinds: dict[tuple[int, int], str | None] = {}
        self._tries: dict[tuple[int, int], int] = defaultdict(int)
        self._before: dict[tuple[int, int], _Process] = {}
        self._last: dict[tuple[int, int], _Process] = {}
        self._busy = 0.0
        self.used: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="cpu-seconds")

    def __enter__(self) -> Self:
        self._look()
        self._before, self._busy = dict(self._last), busy_seconds()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._look()
        self.used = self._sum(busy_seconds() - self._busy)

    def _sum(self, all_of_it: float) -> dict[str, float]:
        used: dict[str, float] = defaultdict(float)
        none = _Process(0, 0, 0.0, 0.0)
        for each, last in self._last.items():
            kind, before = self._kinds[each], self._before.get(each, none)
            if kind:
                reaped = 0.0 if kind in _OWN else last.reaped - before.reaped
                used[kind] += last.own - before.own + reaped
        used[WORKER] = max(0.0, used[WORKER] - used[ETCDCTL])  # the worker waits for it
        used[REST] = max(0.0, all_of_it - sum(used.values()))
        return {kind: round(used[kind], 2) for kind in KINDS}

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY):
            self._look()

    def _look(self) -> None:
        there = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                _, _, text = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
                words = text.split()
                own, reaped = (sum(map(int, words[first : first + 2])) / _TICK for first in (11, 13))
                there[int(folder.name)] = _Process(int(words[1]), int(words[19]), own, reaped)
        for number, process in there.items():
            name = (number, process.began)
            if self._kinds.get(name) is None and self._tries[name] < _TRIES:
                self._tries[name] += 1
                self._kinds[name] = self._kind(number, there)
            if self._kinds[name]:
                self._last[name] = process

    def _kind(self, number: int, there: dict[int, _Process]) -> str | None:
        words = b"\0" + _read(number, "cmdline")
        kind = next((kind for mark, kind in _MARKS if mark in words), None)
        if kind is None:
            return None
        if kind == FUNCTIONS:
            return kind if self._endpoint in _read(number, "environ").split(b"\0") else None
        parent = there[number].parent
        if kind in {WORKER, UPLOADS} and _is_same(words, parent):
            return None  # a subshell: its parent waits for it
        for _ in range(_DEEP):
            if self._run in words:
                return kind
            if number not in there:
                break
            number = there[number].parent
            words = _read(number, "cmdline")
        return None


def _is_same(words: bytes, parent: int) -> bool:
    return b"\0" + _read(parent, "cmdline") == words


def _read(number: int, name: str) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{number}/{name}").read_bytes()
    return b""
