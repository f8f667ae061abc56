"""The functions of `backup` over ports in memory, called in the order of the machine."""

from __future__ import annotations

from typing import Any

from lifeboat import auto_repair, capturing, exporting, marker, preflight_source, quiescing, resuming
from lifeboat.etcd import steps
from lifeboat.model import Pace, Task
from lifeboat.preflight_source import World
from tests.unit.builders import HostedClusterBuilder, a_management_cluster, blue, its_neighbour
from tests.unit.memory import MemoryClock, MemoryCluster, MemoryDns, MemoryInstances, MemorySigner, MemoryStore
from tests.unit.pods import EtcdPods

LOOKS = 20
EXECUTION = "arn:aws:states:us-east-2:123456789012:execution:lifeboat-backup:one"


class Backup:
    """One backup of `blue` beside its neighbour; `data` is the machine's data."""

    def __init__(self, hosted: HostedClusterBuilder | None = None, kind: str = "quiesced", operation: str = "op-1"):
        self.cluster, self.store, self.clock = a_management_cluster(), MemoryStore(), MemoryClock()
        self.dns, self.instances, self.signer = MemoryDns(), MemoryInstances(), MemorySigner()
        self.hosted = (hosted or blue()).on(self.cluster, self.dns, self.instances)
        its_neighbour().on(self.cluster, self.dns, self.instances)
        self.etcd = EtcdPods(store=self.store)
        self.cluster.exec_handler = self.etcd
        self.cluster.after_write = controllers
        self.data = self.start(kind, operation)

    def start(self, kind: str = "quiesced", operation: str = "op-1", epoch: int = 1) -> dict[str, Any]:
        self.data = {
            "operation": {"id": operation, "epoch": epoch, "execution": EXECUTION},
            "hostedCluster": {"namespace": self.hosted.ref.namespace, "name": self.hosted.ref.name},
            "startedAt": self.clock.now().isoformat(),
            "source": self.cluster.name,
            "kind": kind,
            "firstHalfOfMove": False,
        }
        return self.data

    def task(self, **parameters: Any) -> Task:
        return Task.from_event({"task": self.data, **parameters} if parameters else self.data)

    def preflight(self) -> dict[str, Any]:
        world = World(self.cluster, self.store, self.signer, self.dns, self.instances, self.clock)
        self.data["backup"] = preflight_source.check(world, self.task())
        return self.data["backup"]

    def quiesce(self) -> None:
        marker.mark(self.cluster, self.data["operation"]["id"])
        quiescing.pause_source(self.cluster, self.store, self.task(), self.clock)
        for group in ("controllers", "writers"):
            quiescing.stop_deployments(self.cluster, self.task(group=group))
            self.data["stopped"] = self.check_stopped(group)
            assert self.data["stopped"]["done"], self.data["stopped"]

    def check_stopped(self, group: str) -> dict[str, Any]:
        return quiescing.check_stopped(self.cluster, self.store, self.task(group=group), self.clock)

    def start_snapshot(self) -> None:
        self.data["snapshot"] = steps.start_snapshot(self.cluster, self.store, self.task(), Pace())

    def transfer(self) -> dict[str, Any]:
        self.data["transfer"] = steps.transfer_snapshot(self.cluster, self.store, self.task())
        return self.data["transfer"]

    def verify(self) -> dict[str, Any]:
        self.data["verified"] = steps.verify_snapshot(self.cluster, self.store, self.task())
        return self.data["verified"]

    def snapshot(self) -> dict[str, Any]:
        self.start_snapshot()
        while not self.transfer()["done"]:
            assert self.data["transfer"]["attempt"] < LOOKS, self.data["transfer"]
        self.verify()
        steps.discard_snapshot(self.cluster, self.store, self.task())
        return self.data["verified"]

    def capture(self) -> dict[str, Any]:
        self.snapshot()
        self.data["exported"] = exporting.export_manifests(self.cluster, self.store, self.instances, self.task())
        return self.commit()

    def commit(self) -> dict[str, Any]:
        self.data["record"] = capturing.commit_backup(self.cluster, self.store, self.signer, self.task(), self.clock)
        return self.data["record"]

    def resume(self) -> dict[str, Any]:
        self.data["resumed"] = resuming.resume_source(self.cluster, self.store, self.task())
        return self.data["resumed"]

    def bring_back(self) -> None:
        """From ResumeSource to the end."""
        self.resume()
        assert self.check_serving()["done"], self.data["serving"]
        self.restore_auto_repair()

    def restore_auto_repair(self) -> list[str]:
        return auto_repair.restore(self.cluster, self.hosted.ref, self.data["operation"]["id"])

    def check_serving(self) -> dict[str, Any]:
        self.data["serving"] = resuming.check_source_serving(self.cluster, self.store, self.task())
        return self.data["serving"]


def controllers(cluster: MemoryCluster) -> None:
    """What Deployments' controllers would have done by the next look: status follows spec."""
    for each in cluster.objects("Deployment"):
        wanted = each["spec"]["replicas"]
        if each["status"].get("replicas") != wanted:
            status = {"replicas": wanted, "readyReplicas": wanted}
            held = cluster._objects["Deployment", each["metadata"]["namespace"], each["metadata"]["name"]]
            held["status"] = status


def without_versions(cluster: MemoryCluster) -> list[dict[str, Any]]:
    """All objects, but for their resourceVersions."""
    found = cluster.objects()
    for each in found:
        each["metadata"].pop("resourceVersion")
        if not each["metadata"].get("annotations"):
            each["metadata"].pop("annotations", None)
    return sorted(
        found, key=lambda each: (each["kind"], str(each["metadata"].get("namespace")), each["metadata"]["name"])
    )
