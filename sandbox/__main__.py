"""`python -m sandbox up --ready-file FILE` and `python -m sandbox demo`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from pathlib import Path

from sandbox import shape
from sandbox.running import Sandbox, SandboxError
from sandbox.running.folder import run_folder
from sandbox.running.ready import hint, published, withdraw


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
        shape.add_arguments(each)
    arguments = parser.parse_args()
    try:
        asked = shape.of_arguments(arguments)
    except ValueError as error:
        parser.error(str(error))
    _end_on_signals()
    started = time.monotonic()

    def progress(line: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {line}", flush=True)

    try:
        with run_folder(arguments.run_dir, keep=arguments.keep) as folder:
            sandbox = Sandbox(
                folder,
                keep=arguments.keep,
                isolation=arguments.isolation,
                kube=arguments.kube,
                cluster_api=tuple(arguments.cluster_api),
                etcd=arguments.etcd,
                shape=asked,
                progress=progress,
            )
            if arguments.command == "up":
                return _up(sandbox, arguments.ready_file)
            from sandbox.demo import run  # noqa: PLC0415 - `up` needs none of it

            return run(sandbox, progress)
    except SandboxError as error:
        print(f"the sandbox failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _end_on_signals() -> None:
    """End in order on the first signal. The next ones are ignored: they would leave half of what is cleaned up."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(number: int, _: object) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)

    for each in numbers:
        signal.signal(each, end)


def _up(sandbox: Sandbox, ready_file: Path) -> int:
    """Run until a signal comes; SIGINT, once all is up, is the usual way to end it."""
    withdraw(ready_file)
    with sandbox, published(ready_file, sandbox.describe()):
        print(hint(ready_file), flush=True)
        try:
            while not threading.Event().wait(1):
                sandbox.check()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
