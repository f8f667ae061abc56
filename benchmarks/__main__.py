"""`python -m benchmarks`: measure a backup, print a table, write `backup.json` and `backup.svg`.

The exit code is 0 also when a target is missed, which table and JSON say; it is 1 when something was not measured
that could have been.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks import exporting, floor, machine, online, plot, snapshots
from benchmarks.backups import Backups
from benchmarks.etcd_pod import EtcdPod
from benchmarks.figures import Figure, document, show, skipped, write
from sandbox import assets
from sandbox.node.images import etcd_programs
from sandbox.running import Sandbox

_HOSTED_CLUSTER = "blue-green"
"""Of one etcd member, which is then the one that is saved and the one that is written to."""
_ONLINE_MIB, _ONLINE_REPEAT, _EXPORT_REPEAT = 512, 2, 5
_ROOM_FACTOR = 5
"""Disk per byte of database: itself, its log, staging or the raw copy, the object in S3, and one to spare."""
_PARTS = ("export", "snapshots", "online")


@dataclass
class _Session:
    """What was asked for, and what was measured so far."""

    arguments: argparse.Namespace
    began: float = field(default_factory=time.monotonic)
    figures: list[Figure] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    floor: floor.Floor | None = None

    def progress(self, line: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {line}", flush=True)

    def wants(self, part: str) -> bool:
        return not self.arguments.only or part in self.arguments.only

    def repeat(self, usual: int) -> int:
        return int(self.arguments.repeat or usual)

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """Go on with the rest when this cannot be measured."""
        try:
            yield
        except Exception as error:
            traceback.print_exc()
            self.problems.append(f"{what}: {error}")

    @contextmanager
    def folder(self) -> Iterator[Path]:
        run: Path = self.arguments.run_dir or Path(tempfile.mkdtemp(prefix="lifeboat-bench-"))
        try:
            yield run
        finally:
            shutil.rmtree(run, ignore_errors=True)


def main() -> int:
    session = _Session(_parser().parse_args())
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    facts = machine.facts(_programs())
    if session.wants("export"):
        with session.attempt("export"), session.folder() as run:
            _export(session, run)
    if session.wants("snapshots") or session.wants("online"):
        with session.attempt("sandbox"), session.folder() as run:
            _in_sandbox(session, run)
    facts |= {"seconds": round(time.monotonic() - session.began, 1), "problems": session.problems}
    output: Path = session.arguments.output
    names = [each.name for each in session.figures]
    figures = sorted(session.figures, key=lambda each: names.index(each.name))
    write(output / "backup.json", document(figures, facts))
    (output / "backup.svg").write_text(plot.svg(figures), encoding="utf-8")
    show(figures, "a backup's figures")
    session.progress(f"{output / 'backup.json'} and {output / 'backup.svg'} are written")
    for each in session.problems:
        print(f"not measured: {each}", file=sys.stderr)
    return 1 if session.problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("build/bench"), help="folder (default: build/bench)")
    parser.add_argument("--run-dir", type=Path, help="folder of its sandboxes (default: a new temporary one)")
    parser.add_argument("--only", choices=_PARTS, action="append", help="only this; may be given again")
    parser.add_argument("--sample", type=int, help="objects that kubectl reads one by one (default: all)")
    parser.add_argument("--largest", type=int, default=4096, help="largest database in MiB (default: 4096)")
    parser.add_argument("--repeat", type=int, help="how often each is repeated (default: 2 to 5 times)")
    parser.add_argument("--kube", choices=["emulated", "real"], default="emulated", help="API around the snapshots")
    return parser


def _programs() -> dict[str, str]:
    """Command lines that tell versions."""
    try:
        there = assets.find()
    except assets.AssetsError:
        return {"etcd": f"{etcd_programs() / 'etcd'} --version"}
    return {
        "etcd": f"{there['etcd']} --version",
        "kube-apiserver": f"{there['kube-apiserver']} --version",
        "kubectl": f"{there['kubectl']} version --client",
    }


def _export(session: _Session, run: Path) -> None:
    session.progress("a large hosted cluster is exported, then read object by object with kubectl")
    found = exporting.measure(run, sample=session.arguments.sample, repeat=session.repeat(_EXPORT_REPEAT))
    session.figures += found
    session.progress(f"{found[0].name}: {found[0].value if found[0].value is not None else found[0].reason}")


def _in_sandbox(session: _Session, run: Path) -> None:
    """All sizes in one sandbox, the smallest first: etcd's file never shrinks."""
    kube = session.arguments.kube
    etcd = "3.6" if _has_newer_etcd() else "3.5"
    with Sandbox(run, kube=kube, etcd=etcd, keys=500, progress=session.progress) as sandbox:
        pod, backups = EtcdPod(sandbox.plan, _HOSTED_CLUSTER), Backups(sandbox, _HOSTED_CLUSTER)
        backups.unpace()
        if session.wants("snapshots"):
            with session.attempt("the floor of CPU seconds"):
                session.floor = floor.measure(sandbox, run)
        pending = [each for each in snapshots.SIZES if each.size <= session.arguments.largest * machine.MIB]
        for each in [each for each in pending if each.is_small]:
            _snapshot(session, pod, backups, each)
        if session.wants("online"):
            with session.attempt("online"):
                pod.fill(_ONLINE_MIB * machine.MIB)
                session.figures += online.measure(pod, backups, repeat=session.repeat(_ONLINE_REPEAT))
                backups.remove_snapshots()
                session.progress(f"{online.RATIO}: {session.figures[-2].value}")
        for each in [each for each in pending if not each.is_small]:
            _snapshot(session, pod, backups, each)


def _snapshot(session: _Session, pod: EtcdPod, backups: Backups, size: snapshots.Size) -> None:
    if not session.wants("snapshots"):
        return
    free = shutil.disk_usage(pod.plan.run).free
    if free < size.size * _ROOM_FACTOR:
        reason = f"{free / 1024**3:.0f} GiB of disk are free, {size.size * _ROOM_FACTOR / 1024**3:.0f} GiB are needed"
        session.figures += [
            skipped(snapshots.RATIO, size.target, reason, size.name),
            skipped(snapshots.MEMORY, snapshots.MEMORY_TARGET, reason, size.name),
        ]
        return
    with session.attempt(f"snapshot of {size.name}"):
        size = replace(size, repeat=session.repeat(size.repeat))
        session.figures += snapshots.measure(pod, backups, size, session.floor, session.progress)


def _has_newer_etcd() -> bool:
    try:
        assets.etcd()
    except assets.AssetsError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
