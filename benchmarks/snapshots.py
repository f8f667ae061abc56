"""`snapshot_ratio` and `peak_rss_mib`: a snapshot's way to S3, unpaced, by size of the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from benchmarks.backups import Backup, Backups
from benchmarks.cpu_seconds import KINDS, REST, CpuSeconds
from benchmarks.etcd_pod import EtcdPod, Saved
from benchmarks.figures import Figure, middle
from benchmarks.floor import Floor
from benchmarks.function_memory import FunctionMemory
from benchmarks.machine import MIB, busy_cores, cores

RATIO, MEMORY = "snapshot_ratio", "peak_rss_mib"
_MOST_MEMORY = 256
MEMORY_TARGET = f"< {_MOST_MEMORY}"
_LEAST_RATIO, _MOST_OVER = 0.9, 5.0


@dataclass(frozen=True)
class Size:
    """A database to measure. Small ones are judged by seconds over the raw save: waits weigh more there than bytes."""

    name: str
    size: int
    repeat: int

    @property
    def is_small(self) -> bool:
        return self.size < 512 * MIB

    @property
    def target(self) -> str:
        return f"at most {_MOST_OVER:g} s over" if self.is_small else f">= {_LEAST_RATIO}"


@dataclass(frozen=True)
class _Busy:
    """Cores that were busy on average, by run: where a raw save keeps all of them busy, nothing can run beside it."""

    raw: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class _Cpu:
    """CPU seconds by who used them, by run."""

    raw: list[dict[str, float]] = field(default_factory=list)
    ours: list[dict[str, float]] = field(default_factory=list)


SIZES = (Size("100 MB", 100_000_000, 3), Size("1 GiB", 1024 * MIB, 3), Size("4 GiB", 4096 * MIB, 2))


def measure(
    pod: EtcdPod, backups: Backups, size: Size, floor: Floor | None, progress: Callable[[str], None]
) -> list[Figure]:
    """Fill etcd, then save raw and back up in turns. `floor` None: it could not be measured, and is not told."""
    filled = pod.fill(size.size)
    progress(f"etcd holds {filled / MIB:.0f} MiB")
    backups.unpace()
    raw: list[Saved] = []
    ours: list[Backup] = []
    busy, cpu = _Busy(), _Cpu()
    with FunctionMemory(pod.plan) as memory:
        for _ in range(size.repeat):
            with busy_cores(busy.raw), CpuSeconds(pod.plan) as used:
                raw.append(pod.save_raw())
            cpu.raw.append(used.used)
            with busy_cores(busy.ours), CpuSeconds(pod.plan) as used:
                ours.append(backups.run())
            cpu.ours.append(used.used)
            backups.remove_snapshots()
            progress(f"{size.name}: raw {raw[-1].seconds:.1f} s, to S3 {ours[-1].to_s3:.1f} s")
    figure = _ratio(size, raw, ours, busy)
    spent = _cpu_seconds(cpu, raw, floor)
    words = f"{figure.detail['in words']}; {spent.pop('in words')}"
    return [replace(figure, detail={**figure.detail, "in words": words, **spent}), _memory(size, memory)]


def _cpu_seconds(cpu: _Cpu, raw: list[Saved], floor: Floor | None) -> dict[str, Any]:
    """Where the processor's time went, per GiB, and the least that it takes. A whole backup, not only its snapshot."""
    gib = raw[-1].size / 1024**3
    by_raw, by_ours = (
        {kind: round(middle([each[kind] for each in runs]) / gib, 2) for kind in KINDS} for runs in (cpu.raw, cpu.ours)
    )
    ours = sum(value for kind, value in by_ours.items() if kind != REST)
    saved = sum(value for kind, value in by_raw.items() if kind != REST)
    told: dict[str, Any] = {
        "in words": f"CPU s per GiB {ours:.1f}, raw {saved:.1f}",
        "cpu_seconds_per_gib": {"raw": by_raw, "to_s3": by_ours},
    }
    if floor is None:
        return told
    alone = middle([each.seconds for each in raw])
    least = floor.seconds(saved * gib, raw[-1].size)
    most = round(alone / max(alone, least / cores()), 3)
    told["in words"] += f", least {least / gib:.1f}: at most {most} on {cores()} cores"
    told["floor"] = {"cpu_seconds_per_gib": {**asdict(floor), "raw": round(saved, 2)}, "ratio": most, "cores": cores()}
    return told


def _ratio(size: Size, raw: list[Saved], ours: list[Backup], busy: _Busy) -> Figure:
    alone, whole = middle([each.seconds for each in raw]), middle([each.to_s3 for each in ours])
    ratio, over = round(alone / whole, 3), round(whole - alone, 1)
    steps = {name: middle([each.steps[name] for each in ours if name in each.steps]) for name in ours[-1].steps}
    detail = {
        "in words": f"{whole:.1f} s to S3, raw {alone:.1f} s ({raw[-1].size / MIB / alone:.0f} MiB/s): {over:+.1f} s",
        "bytes": raw[-1].size,
        "raw_seconds": [round(each.seconds, 2) for each in raw],
        "to_s3_seconds": [round(each.to_s3, 2) for each in ours],
        "over_raw_seconds": over,
        "reached_after_seconds": steps,
        "in_states_seconds": {name: middle([each.in_states[name] for each in ours]) for name in ours[-1].in_states},
        "looks": [each.looks for each in ours],
        "busy_cores": {"raw": middle(busy.raw), "to_s3": middle(busy.ours)},
    }
    is_met = over <= _MOST_OVER if size.is_small else ratio >= _LEAST_RATIO
    return Figure(RATIO, ratio, size.target, is_met, size.name, detail=detail)


def _memory(size: Size, memory: FunctionMemory) -> Figure:
    if not memory.peaks:
        raise RuntimeError("no function's process was seen")
    name, peak = max(memory.peaks.items(), key=lambda each: each[1])
    by_function = {each: round(memory.peaks[each], 1) for each in sorted(memory.peaks)}
    detail = {"in words": f"the largest was {name}", "by_function": by_function}
    return Figure(MEMORY, round(peak, 1), MEMORY_TARGET, peak < _MOST_MEMORY, size.name, detail=detail)
