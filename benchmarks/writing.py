"""`python -m benchmarks.writing PLAN HOSTED_CLUSTER`: one client's small writes to etcd, until SIGTERM.

Prints a line `time seconds` per write (Unix time at which it was sent, how long it took). One after the other with
pauses, so that the client is not what takes the machine's time.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from benchmarks.etcd_pod import EtcdPod, put
from sandbox.plan import Plan

_EVERY = 0.006
_BEHIND = 0.05
"""A client that was held up goes on at its pace; it does not catch up in a burst."""
_VALUE = 1024
_KEYS = 50


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    connection = EtcdPod(Plan.load(Path(sys.argv[1])), sys.argv[2]).connect()
    value, number, due = os.urandom(_VALUE), 0, time.perf_counter()
    while True:
        at, began = time.time(), time.perf_counter()
        put(connection, f"/bench-writes/{number % _KEYS}", value)
        print(f"{at:.6f} {time.perf_counter() - began:.6f}")
        number += 1
        due = max(due + _EVERY, time.perf_counter() - _BEHIND)
        time.sleep(max(0.0, due - time.perf_counter()))


if __name__ == "__main__":
    main()
