"""`python -m sandbox up --ready-file FILE` and `python -m sandbox demo`."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from sandbox.running import Sandbox, SandboxError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Lifeboat's sandbox on this machine")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start it and keep it in the foreground until SIGINT or SIGTERM")
    up.add_argument("--ready-file", type=Path, required=True, help="written once all is up (JSON)")
    demo = commands.add_parser("demo", help="move hosted cluster `blue` from mgmt-1 to mgmt-2 and prove what came out")
    for each in (up, demo):
        each.add_argument("--run-dir", type=Path, help="folder of this sandbox (default: a new temporary one)")
        each.add_argument("--keep", action="store_true", help="keep the folder (logs, volumes) afterwards")
        each.add_argument("--isolation", choices=["namespaces", "rewrite"], help="default: what this system allows")
        each.add_argument("--kube", choices=["emulated", "real"], default="emulated", help="the API (see make kube)")
        each.add_argument(
            "--etcd", choices=["3.5", "3.6"], help="the hosted clusters' (default: 3.6 with the real API, else 3.5)"
        )
        each.add_argument(
            "--cluster-api",
            nargs=2,
            choices=["v1beta1", "v1beta2"],
            default=["v1beta1", "v1beta1"],
            metavar=("MGMT-1", "MGMT-2"),
            help="the version that each management cluster stores",
        )
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    sandbox_run = arguments.run_dir or Path(tempfile.mkdtemp(prefix="lifeboat-"))
    started = time.monotonic()

    def progress(line: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {line}", flush=True)

    try:
        sandbox = Sandbox(
            sandbox_run,
            keep=arguments.keep,
            isolation=arguments.isolation,
            kube=arguments.kube,
            cluster_api=tuple(arguments.cluster_api),
            etcd=arguments.etcd,
            progress=progress,
        )
        if arguments.command == "up":
            return _up(sandbox, arguments.ready_file)
        from sandbox.demo import run  # noqa: PLC0415 - `up` needs none of it

        return run(sandbox, progress)
    except SandboxError as error:
        if not arguments.run_dir:
            with contextlib.suppress(OSError):
                sandbox_run.rmdir()  # only when nothing is in it
        print(f"the sandbox failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _up(sandbox: Sandbox, ready_file: Path) -> int:
    ready_file.unlink(missing_ok=True)
    with sandbox:
        ready_file.parent.mkdir(parents=True, exist_ok=True)
        temporary = ready_file.with_name(ready_file.name + ".new")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(sandbox.describe(), indent=1), encoding="utf-8")
        temporary.rename(ready_file)
        print(f"ready: {ready_file}", flush=True)
        try:
            while not threading.Event().wait(1):
                sandbox.check()
        finally:
            ready_file.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
