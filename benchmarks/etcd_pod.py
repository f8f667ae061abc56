"""One etcd pod of a sandbox: filled to a size, and saved raw, by the same exec and TLS as the product's."""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import ssl
import threading
from dataclasses import dataclass
from functools import cached_property

from benchmarks.machine import MIB
from sandbox.client import shared_client
from sandbox.guest.seed import control_plane_context
from sandbox.plan import Plan
from sandbox.proof import etcd

_VALUE = MIB // 8
"""Bytes of a value. etcd keeps its last 10,000 requests in memory: larger ones fill that rather than the disk."""
_WRITERS = 4
_RAW_SECONDS = 600
_RAW = r"""
began=$(date +%%s%%N)
%(etcdctl)s snapshot save /tmp/raw.db > /tmp/raw.log 2>&1 || { tail -n 1 /tmp/raw.log; exit 1; }
echo $(( ($(date +%%s%%N) - began) / 1000 )) $(wc -c < /tmp/raw.db)
rm -f /tmp/raw.db /tmp/raw.log
"""


@dataclass(frozen=True)
class Saved:
    """One `etcdctl snapshot save` in the pod."""

    seconds: float
    size: int


@dataclass(frozen=True)
class EtcdPod:
    """Pod `etcd-0` of a hosted cluster with one member, on mgmt-1."""

    plan: Plan
    hosted_cluster: str

    @property
    def namespace(self) -> str:
        return f"clusters-{self.hosted_cluster}"

    @property
    def address(self) -> str:
        return self.plan.management_clusters[0].etcd_address(self.plan.etcd_slot(self.namespace), 0)

    @cached_property
    def context(self) -> ssl.SSLContext:
        """TLS with the control plane's client certificate."""
        return control_plane_context(
            shared_client(self.plan.management_clusters[0].controllers_kubeconfig), self.namespace
        )

    def connect(self) -> http.client.HTTPSConnection:
        """A connection to etcd's JSON gateway."""
        return http.client.HTTPSConnection(self.address, 2379, timeout=60, context=self.context)

    def size(self) -> int:
        """Bytes of the database."""
        told = self.run(f"{etcd.ETCDCTL} endpoint status -w json")
        return int(json.loads(told)[0]["Status"]["dbSize"])

    def fill(self, size: int) -> int:
        """Write until the database has `size` bytes; its size then. Raises RuntimeError when etcd refuses."""
        written = 0
        while (missing := size - self.size()) > size // 50:
            count = max(1, missing // _VALUE)
            failures: list[BaseException] = []
            threads = [
                threading.Thread(target=self._write, args=(written + first, written + count, failures))
                for first in range(_WRITERS)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if failures:
                raise RuntimeError(f"etcd could not be filled: {failures[0]}")
            written += count
        return self.size()

    def _write(self, first: int, end: int, failures: list[BaseException]) -> None:
        try:
            connection, seed = self.connect(), random.Random(os.urandom(8))
            for number in range(first, end, _WRITERS):
                key = f"/bench/{seed.getrandbits(40):010x}/{number}"
                put(connection, key, seed.randbytes(_VALUE))
            connection.close()
        except (OSError, http.client.HTTPException, RuntimeError) as error:
            failures.append(error)

    def save_raw(self) -> Saved:
        """`etcdctl snapshot save` alone, unpaced, into the pod's /tmp. Raises RuntimeError."""
        microseconds, size = self.run(_RAW % {"etcdctl": etcd.ETCDCTL}).split()
        return Saved(int(microseconds) / 1e6, int(size))

    def run(self, script: str) -> str:
        return etcd.run(self.plan.management_clusters[0], self.namespace, "etcd-0", script, timeout=_RAW_SECONDS)


def put(connection: http.client.HTTPConnection, key: str, value: bytes) -> None:
    """One put through the JSON gateway. Raises RuntimeError when etcd refuses it."""
    document = {"key": base64.b64encode(key.encode()).decode(), "value": base64.b64encode(value).decode()}
    connection.request("POST", "/v3/kv/put", json.dumps(document))
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != http.client.OK:
        raise RuntimeError(f"{answer.status} {text[:200]!r}")
