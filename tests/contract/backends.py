"""One management cluster's API, emulated or real, with the processes that act on it: controllers and a kubelet."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from sandbox.node.isolation import detect
from sandbox.plan import ManagementClusterPlan, Plan
from sandbox.running.processes import Child, Processes

_MODULES = {"emulated": "sandbox.kube", "real": "sandbox.envtest"}
_START_SECONDS = 120
_COMPACTED = "compact_rev_key"  # where API servers tell one another what they let etcd compact


class Backend:
    """The processes of one management cluster; up between `start` and `stop`."""

    def __init__(self, name: str, folder: Path, *, cluster_api: str = "v1beta1") -> None:
        self.name = name
        self.plan = Plan.create(folder, isolation=detect(), kube=name, cluster_api=(cluster_api, cluster_api))
        self.cluster: ManagementClusterPlan = self.plan.management_clusters[0]
        self._processes = Processes(self.plan.logs)
        self._api: Child | None = None

    def start(self) -> Backend:
        path = str(self.plan.run / "plan.json")
        self._api = self._processes.start("api", _MODULES[self.name], path, self.cluster.name)
        self._wait("api.ready")
        for name in ("node", "controllers"):
            self._processes.start(name, f"sandbox.{name}", path, self.cluster.name)
        self._wait("kubelet.ready")
        self._wait("controllers.ready")
        return self

    def stop(self) -> None:
        self._processes.stop()

    def check(self) -> None:
        """Raise when one of the processes died."""
        self._processes.check()

    def _wait(self, file: str) -> None:
        self._processes.wait_for_file(self.cluster.folder / file, _START_SECONDS)

    def restart(self) -> None:
        """Restart the API server on its data, and wait until it serves again."""
        self._signal(signal.SIGUSR1)
        deadline = time.monotonic() + 5
        ready = self.cluster.folder / "api.ready"
        while ready.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        assert not ready.exists(), "SIGUSR1 restarted nothing"
        self._wait("api.ready")

    def compact(self) -> None:
        """Let the store forget all history up to now, as it does by itself every few minutes.

        A real API server looks every 15 seconds what was compacted, and serves older moments from memory till then.
        """
        if self.name == "emulated":
            self._signal(signal.SIGUSR2)
        else:
            revision = str(self._revision())
            self._etcdctl("put", _COMPACTED, revision)
            self._etcdctl("compact", revision)

    def _signal(self, number: signal.Signals) -> None:
        assert self._api is not None
        os.kill(self._api.process.pid, number)

    def _revision(self) -> int:
        status = self._etcdctl("endpoint", "status", "--write-out=fields")
        return next(int(line.split(":")[1]) for line in status.splitlines() if line.startswith('"Revision"'))

    def _etcdctl(self, *arguments: str) -> str:
        pki = self.cluster.pki
        command = [
            self.plan.programs["etcdctl"],
            f"--endpoints=https://{self.cluster.api_etcd_address}:2379",
            f"--cacert={pki / 'ca.crt'}",
            f"--cert={pki / 'apiserver-etcd-client.crt'}",
            f"--key={pki / 'apiserver-etcd-client.key'}",
        ]
        return subprocess.run([*command, *arguments], check=True, capture_output=True, text=True).stdout
