"""A client of a hosted cluster that never stops writing, and remembers what was acknowledged.

One line of `plan.acknowledged_writes` per acknowledged write: `key` and `value` exactly as etcd holds them,
`revision`, `time` (UTC). Each key is written once, so every line must be found again in whatever is restored.
Times without an acknowledged write of more than a second go to `hosted-api-outages.jsonl`.
"""

from __future__ import annotations

import datetime
import json
import logging
import secrets
import threading
import time
from typing import TYPE_CHECKING

from sandbox.guest.hosted import HostedApi, HostedApiError, Object, kubeconfig_path

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.plan import Plan

_log = logging.getLogger(__name__)

NAMESPACE = "lifeboat-canary"
_PERIOD = 0.07  # seconds between two writes
_AFTER_FAILURE = 0.1
_EVENT_EVERY = 10
_OUTAGE_SECONDS = 1.0


def outages(plan: Plan) -> Path:
    """JSON lines: hostedCluster, from, to (UTC), seconds, failures, lastError."""
    return plan.run / "hosted-api-outages.jsonl"


class Writer(threading.Thread):
    """Writes to one hosted cluster from when its kubeconfig exists until `stop`."""

    def __init__(self, plan: Plan, name: str) -> None:
        super().__init__(name=f"writer {name}", daemon=True)
        self._plan = plan
        self._cluster = name
        self._stopped = threading.Event()
        self._series = secrets.token_hex(3)
        self._last: float | None = None
        self._failures = 0
        self._error = ""

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        while not kubeconfig_path(self._plan, self._cluster).exists():
            if self._stopped.wait(0.2):
                return
        api = HostedApi(self._plan, self._cluster)
        number = 0
        with self._plan.acknowledged_writes.open("a", encoding="utf-8") as journal:
            while not self._stopped.is_set():
                number += 1  # a write without an answer may have been done: its key is not used again
                try:
                    line = self._write(api, number)
                    journal.write(json.dumps(line) + "\n")
                    journal.flush()
                    self._acknowledged()
                    if number % _EVENT_EVERY == 0:
                        self._post_event(api, number)
                    self._stopped.wait(_PERIOD)
                except HostedApiError as error:
                    self._failures += 1
                    self._error = str(error)
                    self._stopped.wait(_AFTER_FAILURE)
        api.close()

    def _write(self, api: HostedApi, number: int) -> Object:
        name = f"write-{self._series}-{number:06}"
        metadata = {"name": name, "namespace": NAMESPACE}
        document = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {"token": secrets.token_hex(8)},
        }
        value = json.dumps(document, separators=(",", ":"))
        answer = api.request("POST", f"/api/v1/namespaces/{NAMESPACE}/configmaps", value.encode())
        return {
            "key": f"/kubernetes.io/configmaps/{NAMESPACE}/{name}",
            "value": value,
            "revision": int(answer["metadata"]["resourceVersion"]),
            "time": _utc(time.time()),
        }

    def _post_event(self, api: HostedApi, number: int) -> None:
        """Events live under an etcd lease, so a snapshot holds keys that may be gone soon after."""
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"write-{self._series}-{number:06}", "namespace": NAMESPACE},
            "involvedObject": {"kind": "Namespace", "name": NAMESPACE},
            "reason": "Written",
            "message": f"{number} writes",
        }
        api.request("POST", f"/api/v1/namespaces/{NAMESPACE}/events", json.dumps(event).encode())

    def _acknowledged(self) -> None:
        now = time.time()
        if self._last is not None and now - self._last > _OUTAGE_SECONDS:
            line = {
                "hostedCluster": self._cluster,
                "from": _utc(self._last),
                "to": _utc(now),
                "seconds": round(now - self._last, 3),
                "failures": self._failures,
                "lastError": self._error,
            }
            _log.info("outage: %s", line)
            with outages(self._plan).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        self._last, self._failures = now, 0


def _utc(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
