"""Both management clusters' APIs and nothing that acts on them: objects stay as they were made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.client import Client
from sandbox.node.isolation import detect
from sandbox.plan import ManagementClusterPlan, Plan
from sandbox.running.processes import Processes

_MODULES = {"emulated": "sandbox.kube", "real": "sandbox.envtest"}
_START_SECONDS = 120


@dataclass(frozen=True)
class BareApi:
    """The API of one management cluster; `name` is the kind of it."""

    name: str
    cluster: ManagementClusterPlan

    @property
    def client(self) -> Client:
        return Client(self.cluster.controllers_kubeconfig)


@contextmanager
def running(name: str, folder: Path) -> Iterator[tuple[BareApi, BareApi]]:
    """The APIs of mgmt-1 and mgmt-2, while the context lasts."""
    plan = Plan.create(folder, isolation=detect(), kube=name)
    processes = Processes(plan.logs)
    try:
        for each in plan.management_clusters:
            processes.start(f"api-{each.name}", _MODULES[name], str(plan.run / "plan.json"), each.name)
        for each in plan.management_clusters:
            processes.wait_for_file(each.folder / "api.ready", _START_SECONDS)
        source, destination = (BareApi(name, each) for each in plan.management_clusters)
        yield source, destination
    finally:
        processes.stop()
