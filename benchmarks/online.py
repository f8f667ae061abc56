"""What an online backup, paced as the template says, does to who uses the hosted cluster meanwhile.

`p99_ratio`: writes to the very member that is saved (the only one: none of them is spared), against writes just before
and after it. `api_downtime_s`: how long the hosted API did not answer by its public name.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.backups import Backup, Backups
from benchmarks.etcd_pod import EtcdPod
from benchmarks.figures import Figure, middle, quantile
from benchmarks.machine import MIB

RATIO, RATIO_TARGET, _MOST = "p99_ratio", "<= 2", 2.0
DOWNTIME, DOWNTIME_TARGET = "api_downtime_s", "0"
_IDLE_SECONDS, _SETTLE_SECONDS = 12, 2
_MILLISECONDS = 1000


@dataclass(frozen=True)
class Run:
    """One backup between two idle times. Latencies in seconds."""

    backup: Backup
    idle: list[float] = field(default_factory=list)
    during: list[float] = field(default_factory=list)
    downtime: float = 0.0
    probes: int = 0
    said: str = ""

    @property
    def ratio(self) -> float:
        return quantile(self.during, 0.99) / quantile(self.idle, 0.99)


def measure(pod: EtcdPod, backups: Backups, *, repeat: int) -> list[Figure]:
    """Back up `repeat` times with the pace of the template."""
    pace, size = backups.pace(), pod.size()
    runs = [_run(pod, backups) for _ in range(repeat)]
    ratio = middle([each.ratio for each in runs])
    downtime = max(each.downtime for each in runs)
    idle, during = (
        [round(quantile(each, 0.99) * _MILLISECONDS, 2) for each in windows]
        for windows in ([run.idle for run in runs], [run.during for run in runs])
    )
    took = [round(each.backup.steps["ended"], 1) for each in runs]
    rate = size / MIB / middle([each.backup.steps["saved"] for each in runs])
    detail = {
        "in words": f"{size / MIB:.0f} MiB at {rate:.0f} MiB/s; p99 {middle(during)} ms, idle {middle(idle)} ms",
        "pace": pace,
        "idle_p99_ms": idle,
        "during_p99_ms": during,
        "idle_p50_ms": [round(quantile(each.idle, 0.5) * _MILLISECONDS, 2) for each in runs],
        "during_p50_ms": [round(quantile(each.during, 0.5) * _MILLISECONDS, 2) for each in runs],
        "writes": [[len(each.idle), len(each.during)] for each in runs],
        "ratios": [round(each.ratio, 2) for each in runs],
        "snapshot_seconds": took,
    }
    probes = [each.probes for each in runs]
    words = f"{sum(probes)} requests by its public name" + "".join(f"; {each.said}" for each in runs if each.said)
    return [
        Figure(RATIO, ratio, RATIO_TARGET, ratio <= _MOST, detail=detail),
        Figure(
            DOWNTIME, round(downtime, 2), DOWNTIME_TARGET, downtime == 0, detail={"in words": words, "probes": probes}
        ),
    ]


def _run(pod: EtcdPod, backups: Backups) -> Run:
    folder = pod.plan.run / "bench"
    folder.mkdir(exist_ok=True)
    writes, probes = folder / "writes", folder / "probes"
    with _beside("writing", pod, writes), _beside("probing", pod, probes):
        time.sleep(_SETTLE_SECONDS + _IDLE_SECONDS)
        began = time.time()
        backup = backups.run()
        ended = time.time()
        time.sleep(_SETTLE_SECONDS + _IDLE_SECONDS)
    idle, during = [], []
    for line in _lines(writes):
        at, took = map(float, line.split()[:2])
        if began <= at <= ended:
            during.append(took)
        elif not began - _SETTLE_SECONDS < at + took < ended + _SETTLE_SECONDS:
            idle.append(took)
    asked = [(float(at), float(took), said) for at, took, said in (each.split(" ", 2) for each in _lines(probes))]
    relevant = [each for each in asked if began <= each[0] <= ended]
    failed = [each for each in relevant if each[2] != "ok"]
    return Run(backup, idle, during, _downtime(asked, began, ended), len(relevant), failed[0][2] if failed else "")


def _downtime(asked: list[tuple[float, float, str]], began: float, ended: float) -> float:
    """Seconds from the first request without success to the next success, of all such times of the backup.

    Raises RuntimeError when nothing was asked meanwhile.
    """
    if not any(began <= at <= ended for at, _, _ in asked):
        raise RuntimeError("no request was made to the hosted API during the backup")
    away, since = 0.0, None
    for at, took, said in asked:
        if said != "ok":
            since = since if since is not None or not began <= at <= ended else at
        elif since is not None:
            away, since = away + at + took - since, None
    return away if since is None else away + max(ended, asked[-1][0]) - since


@contextmanager
def _beside(module: str, pod: EtcdPod, output: Path) -> Iterator[None]:
    """Run a program of this package while the context lasts. Raises RuntimeError when it ended by itself."""
    arguments = [str(pod.plan.run / "plan.json"), pod.hosted_cluster]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    with output.open("wb") as out, output.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *arguments], stdout=out, stderr=log, env=environment
        )
        try:
            yield
            if process.poll() is not None:
                words = output.with_suffix(".log").read_text(encoding="utf-8")[-600:]
                raise RuntimeError(f"benchmarks.{module} ended too early: {words}")
        finally:
            process.terminate()
            process.wait()


def _lines(file: Path) -> list[str]:
    """Whole lines only: the last one may have been cut."""
    return file.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
