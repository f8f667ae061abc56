"""A management cluster for tests: real API server, AWS and controllers as processes, and a stand-in for the kubelet.

The stand-in runs nothing: a pod that has a node is Running and Ready at once, a pod that is being deleted goes at once.
"""

from __future__ import annotations

import time

from sandbox.client import NODES, PODS, ApiError, Client
from sandbox.informer import Controller, Informers
from sandbox.objects import now, with_conditions
from sandbox.plan import ZONES, Plan
from sandbox.running.processes import Processes
from sandbox.shape import Shape


class ManagementCluster:
    """Up between `start` and `stop`; `client` is its administrator's."""

    def __init__(self, folder, *, aws: bool, shape: Shape | None = None) -> None:
        self._begin(Plan.create(folder, isolation="rewrite", shape=shape), 0, aws=aws)

    @classmethod
    def second(cls, first: ManagementCluster) -> ManagementCluster:
        """The other management cluster of the same plan, on the same AWS."""
        made = cls.__new__(cls)
        made._begin(first.plan, 1, aws=False)
        made._has_aws = first._aws
        return made

    def _begin(self, plan: Plan, index: int, *, aws: bool) -> None:
        self.plan = plan
        self.cluster = plan.management_clusters[index]
        self._processes = Processes(self.plan.logs)
        self._path = str(self.plan.run / "plan.json")
        self._aws = self._has_aws = aws
        self.unready: set[str] = set()  # values of the label app of pods that shall run without being ready

    def start(self) -> ManagementCluster:
        if self._aws:
            self._processes.start("aws", "sandbox.aws", self._path)
        name = self.cluster.name
        self._processes.start(f"{name}-api", "sandbox.kube", self._path, self.cluster.name)
        self._processes.wait_for_file(self.cluster.folder / "api.ready", 30)
        if self._aws:
            self._processes.wait_for_file(self.plan.run / "aws.ready", 60)
        self.client = Client(self.cluster.kubeconfig)
        without = [] if self._has_aws else ["--without-aws"]
        self._processes.start(f"{name}-controllers", "sandbox.controllers", self._path, self.cluster.name, *without)
        self._informers = Informers(self.client)
        for zone in ZONES:
            self._add_node(zone)
        pods = self._informers.of(PODS)
        self._kubelet = Controller("kubelet", self._run_pod, resync=1.0).watch(pods).start()
        self._processes.wait_for_file(self.cluster.folder / "controllers.ready", 30)
        return self

    def stop(self) -> None:
        self._kubelet.stop()
        self._informers.stop()
        self._processes.stop()

    def eventually(self, check, what: str = "", seconds: float = 60):
        """The first true value of `check()`; AssertionError after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            if value := check():
                return value
            self._processes.check()
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            time.sleep(0.05)

    def pods(self, namespace: str, app: str | None = None):
        return self.client.list(PODS, namespace, labels=app and f"app={app}")

    def _add_node(self, zone: str) -> None:
        labels = {"topology.kubernetes.io/zone": zone}
        node = self.client.create(NODES, {"metadata": {"name": f"node-{zone[-1]}", "labels": labels}, "spec": {}})
        status = {"conditions": with_conditions([], [("Ready", "True", "KubeletReady", "")])}
        self.client.patch_status(NODES, node["metadata"]["name"], status)

    def _run_pod(self, key) -> None:
        pod = self.client.get(PODS, key[1], key[0])
        if pod is None:
            return
        if "deletionTimestamp" in pod["metadata"]:
            self.client.delete(PODS, key[1], key[0], grace_period_seconds=0, uid=pod["metadata"]["uid"])
        elif pod["spec"].get("nodeName"):
            ready = str(pod["metadata"].get("labels", {}).get("app") not in self.unready)
            status = {
                "phase": "Running",
                "podIP": "127.0.0.9",
                "startTime": now(),
                "conditions": with_conditions([], [("Ready", ready, "Test", "")]),
            }
            if (pod.get("status") or {}).get("phase") in (None, "Pending"):
                try:
                    self.client.patch_status(PODS, key[1], status, key[0])
                except ApiError as error:
                    if error.code != 404:
                        raise
