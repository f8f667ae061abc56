"""`python -m benchmarks.probing PLAN HOSTED_CLUSTER`: asks the hosted API by its public name, until SIGTERM.

Prints a line `time seconds answer` per request (Unix time at which it was sent; `ok` or what was wrong). A request
without an answer within a second counts as none.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from sandbox.guest.hosted import HostedApi, HostedApiError
from sandbox.plan import Plan

_EVERY, _TIMEOUT = 0.1, 1.0
_PATH = "/api/v1/namespaces/default/configmaps?limit=1"


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    api = HostedApi(Plan.load(Path(sys.argv[1])), sys.argv[2], timeout=_TIMEOUT)
    while True:
        at, began, said = time.time(), time.perf_counter(), "ok"
        try:
            api.request("GET", _PATH)
        except HostedApiError as error:
            said = str(error).replace("\n", " ")[:200]
        took = time.perf_counter() - began
        print(f"{at:.6f} {took:.6f} {said}")
        time.sleep(max(0.0, _EVERY - took))


if __name__ == "__main__":
    main()
