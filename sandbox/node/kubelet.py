"""The kubelet of all nodes of one management cluster: the API says which pods, this runs them and reports."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from sandbox.client import PODS, SERVICES, ApiError, Client, Object
from sandbox.informer import Informer
from sandbox.node import hosts, images, leases
from sandbox.node.addresses import Addresses
from sandbox.node.exec_server import ExecServer
from sandbox.node.nodes import register
from sandbox.node.pod import Node, PodWorker
from sandbox.node.server import KubeletServer
from sandbox.node.sources import ApiSources
from sandbox.plan import KUBELET_PORT

if TYPE_CHECKING:
    from sandbox.plan import ManagementClusterPlan, Plan

_log = logging.getLogger(__name__)

_HOSTS_DELAY = 0.05  # seconds in which changes of names are gathered
_RETRY = 0.25  # seconds until an API that did not answer is asked again
_DEFAULT_GRACE = 30.0


class Kubelet:
    """Runs until `stop`. Everything but the informers' callbacks happens in one event loop."""

    def __init__(self, plan: Plan, cluster: ManagementClusterPlan) -> None:
        self._plan = plan
        self._cluster = cluster
        self._client = Client(cluster.controllers_kubeconfig)
        self._addresses = Addresses(plan, cluster)
        self._pods = Informer(self._client, PODS)
        self._services = Informer(self._client, SERVICES)
        self._workers: dict[str, PodWorker] = {}  # by uid
        self._leaving: dict[str, asyncio.Task[None]] = {}
        self._statuses: dict[str, Object] = {}
        self._reporters: dict[str, asyncio.Task[None]] = {}
        self._stopped = False
        self._renamed: set[str] = set()
        self._renaming: asyncio.TimerHandle | None = None
        self._node = Node(
            folder=cluster.folder,
            image_root=cluster.folder / "images",
            isolation=plan.isolation,
            host_ip=cluster.kubelet_address,
            sources=ApiSources(self._client),
            hosts=self._hosts,
            names=self._names_to_rewrite,
            report=self._report,
        )
        self._server = KubeletServer(self._find, cluster.kubelet_token)
        self._exec_server = ExecServer(plan.programs["exec-server"], cluster) if plan.kube == "real" else None
        self._nodes: dict[str, str] = {}  # uid by name
        self._leases: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Register the nodes, start to follow the API and to serve exec. Raises ApiError, OSError."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(images.build, self._node.image_root, self._plan.etcd)
        pki = self._cluster.pki
        if self._exec_server is None:
            address = self._cluster.kubelet_address
            await self._server.start(address, KUBELET_PORT, pki / "kubelet.crt", pki / "kubelet.key")
        else:
            await self._server.start_locally(self._cluster.kubelet_socket)
            await self._exec_server.start()
        self._nodes = await asyncio.to_thread(register, self._client, self._cluster)
        self._leases = asyncio.create_task(leases.keep(self._client, self._nodes))
        self._services.on_change(self._service_changed)
        self._services.start()
        await asyncio.to_thread(self._services.wait_synced)
        self._pods.on_change(self._pod_changed)
        self._pods.start()

    async def watch(self) -> None:
        """Wait for what must not happen. Raises ExecServerError."""
        if self._exec_server is None:
            await asyncio.Event().wait()
        else:
            await self._exec_server.watch()

    async def stop(self) -> None:
        """Kill every pod's processes; the API keeps what it knows of them."""
        self._stopped = True
        if self._leases is not None:
            self._leases.cancel()
        for informer in (self._pods, self._services):
            informer.stop()
        await asyncio.gather(*(worker.terminate(0) for worker in self._workers.values()), return_exceptions=True)
        if self._exec_server is not None:
            await self._exec_server.stop()
        await self._server.stop()

    def _find(self, namespace: str, name: str) -> PodWorker | None:
        pod = self._pods.get(name, namespace)
        return self._workers.get(pod["metadata"]["uid"]) if pod else None

    def _hosts(self, pod: Object, pod_ip: str) -> str:
        namespace = pod["metadata"]["namespace"]
        return hosts.render(pod, pod_ip, self._services.list(namespace), self._pods.list(namespace))

    def _names_to_rewrite(self, pod: Object, pod_ip: str) -> dict[str, str]:
        namespace = pod["metadata"]["namespace"]
        slot = self._plan.etcd_slot(namespace)
        return hosts.etcd_names(namespace, pod_ip, [self._cluster.etcd_address(slot, ordinal) for ordinal in range(3)])

    # -- what the informers tell, in their threads

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        assert self._loop is not None
        for obj in (old, new):
            if obj is not None:
                self._loop.call_soon_threadsafe(self._reconcile, obj)
        if not (old and new) or hosts.shows(old) != hosts.shows(new):
            self._service_changed(old, new)

    def _service_changed(self, old: Object | None, new: Object | None) -> None:
        obj = new or old
        if self._loop is not None and obj is not None:
            self._loop.call_soon_threadsafe(self._rename, obj["metadata"]["namespace"])

    # -- pods

    def _reconcile(self, seen: Object) -> None:
        """Compare what the API has now under this pod's name with what runs."""
        uid = seen["metadata"]["uid"]
        pod = self._pods.get(seen["metadata"]["name"], seen["metadata"]["namespace"])
        if pod is None or pod["metadata"]["uid"] != uid:
            if uid in self._workers and uid not in self._leaving:
                self._leave(uid, None, 0)
            return
        if pod["spec"].get("nodeName") not in self._nodes:
            return
        if pod["metadata"].get("deletionTimestamp"):
            if uid not in self._leaving:
                grace = pod["metadata"].get("deletionGracePeriodSeconds")
                self._leave(uid, pod, _DEFAULT_GRACE if grace is None else float(grace))
        elif uid not in self._workers and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            worker = PodWorker(self._node, pod, self._addresses.take(pod))
            self._workers[uid] = worker
            worker.start()

    def _leave(self, uid: str, pod: Object | None, grace: float) -> None:
        self._leaving[uid] = asyncio.create_task(self._terminate(uid, pod, grace))

    async def _terminate(self, uid: str, pod: Object | None, grace: float) -> None:
        worker = self._workers.get(uid)
        try:
            if worker is not None:
                await worker.terminate(grace)
                self._addresses.give_back(worker.pod_ip)
            if uid in self._reporters:
                await self._reporters[uid]
            if pod is not None:
                await self._delete(pod)
        except Exception:
            _log.exception("pod %s", uid)
        finally:
            self._workers.pop(uid, None)
            self._leaving.pop(uid, None)

    async def _delete(self, pod: Object) -> None:
        metadata = pod["metadata"]
        while not self._stopped:
            try:
                await asyncio.to_thread(
                    self._client.delete, PODS, metadata["name"], metadata["namespace"],
                    uid=metadata["uid"], grace_period_seconds=0,
                )  # fmt: skip
            except ApiError as error:
                if error.code == 409:  # another pod of that name
                    return
                _log.info("delete of %s: %s", metadata["name"], error)
                await asyncio.sleep(_RETRY)
            else:
                return

    # -- status: the newest one is sent, those that it overtook are not

    def _report(self, pod: Object, status: Object) -> None:
        if self._stopped:
            return
        uid = pod["metadata"]["uid"]
        self._statuses[uid] = status
        if uid not in self._reporters:
            self._reporters[uid] = asyncio.create_task(self._send(pod))

    async def _send(self, pod: Object) -> None:
        metadata = pod["metadata"]
        uid = metadata["uid"]
        try:
            while uid in self._statuses and not self._stopped:
                status = self._statuses.pop(uid)
                try:
                    patch = {"metadata": {"uid": uid}, "status": status}
                    await asyncio.to_thread(
                        self._client.patch, PODS, metadata["name"], patch, metadata["namespace"], subresource="status"
                    )
                except ApiError as error:
                    _log.info("status of %s: %s", metadata["name"], error)
                    if error.code in (404, 409, 422):  # gone, or another pod of that name
                        return
                    self._statuses.setdefault(uid, status)
                    await asyncio.sleep(_RETRY)
        finally:
            self._reporters.pop(uid, None)

    # -- names

    def _rename(self, namespace: str) -> None:
        assert self._loop is not None
        self._renamed.add(namespace)
        if self._renaming is None:
            self._renaming = self._loop.call_later(_HOSTS_DELAY, self._refresh_hosts)

    def _refresh_hosts(self) -> None:
        self._renaming = None
        namespaces, self._renamed = self._renamed, set()
        for worker in self._workers.values():
            if worker.pod["metadata"]["namespace"] in namespaces:
                worker.refresh_hosts()
