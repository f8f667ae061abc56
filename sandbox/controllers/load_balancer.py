"""Services of type LoadBalancer: an address of the plan, a host name that encodes it, and a TCP proxy to ready pods.

AWS knows each of them as well (see `targets`): one without registered targets leads nowhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
from typing import TYPE_CHECKING

from sandbox.client import PODS, SERVICES
from sandbox.controllers.pods import is_leaving
from sandbox.controllers.targets import Targets
from sandbox.informer import Controller, Key
from sandbox.objects import is_ready, status_of
from sandbox.services import port_of, selects

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sandbox.client import Object
    from sandbox.controllers.context import Context
    from sandbox.hypershift.cloud import Cloud

_log = logging.getLogger(__name__)
_SUFFIX = ".elb.us-east-2.amazonaws.example"
_CONNECT_SECONDS = 2.0
_CHUNK = 65536


def host_name(address: str) -> str:
    """The load balancer's public name, which the sandbox's DNS server turns back into the address."""
    return f"lb-{address.replace('.', '-')}{_SUFFIX}"


def address_of(host: str) -> str | None:
    """The address behind a load balancer's name; None for any other name."""
    if not host.startswith("lb-") or not host.endswith(_SUFFIX):
        return None
    return host.removeprefix("lb-").removesuffix(_SUFFIX).replace("-", ".")


class _Proxy:
    """Listens on one address and port; each connection goes to the next backend that answers."""

    def __init__(self, address: str, port: int) -> None:
        self.address, self.port = address, port
        self.backends: list[tuple[str, int]] = []
        self.registered = True
        self._turn = itertools.count()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.address, self.port, reuse_address=True)

    async def stop(self) -> None:
        """Stop listening and cut what is open, as the load balancer's deletion does."""
        if self._server:
            self._server.close()
        await self.cut()

    async def cut(self) -> None:
        """End every open connection."""
        for writer in list(self._open):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            backend = await self._connect()
            if backend is None:
                return
            await asyncio.gather(_pump(reader, backend[1]), _pump(backend[0], writer))
        finally:
            self._open.discard(writer)
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        backends = list(self.backends) if self.registered else []
        first = next(self._turn)
        for offset in range(len(backends)):
            target = backends[(first + offset) % len(backends)]
            with contextlib.suppress(OSError, TimeoutError):
                return await asyncio.wait_for(asyncio.open_connection(*target), _CONNECT_SECONDS)
        return None


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(_CHUNK):
            sink.write(data)
            await sink.drain()
    # One side ended: the connection as a whole is over, as for a TLS stream it always is.
    sink.close()


class _LoadBalancers:
    def __init__(self, context: Context, cloud: Cloud | None) -> None:
        self._context = context
        self._targets = Targets(cloud, context.cluster.name, self._told) if cloud else None
        self._services = context.informers.of(SERVICES)
        self._pods = context.informers.of(PODS)
        self._proxies: dict[tuple[Key, int], _Proxy] = {}
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="load balancers", daemon=True).start()

    def reconcile(self, key: Key) -> None:
        service = self._context.client.get(SERVICES, key[1], key[0])
        if service is None or service["spec"].get("type") != "LoadBalancer" or is_leaving(service):
            for proxy_key in [each for each in self._proxies if each[0] == key]:
                ended = self._proxies.pop(proxy_key)
                self._run(ended.stop())
                if self._targets:
                    self._targets.remove(key, _name(ended.address))
            return
        address = self._address(service)
        for port in service["spec"]["ports"]:
            proxy = self._proxies.get((key, port["port"]))
            if proxy is None:
                proxy = _Proxy(address, port["port"])
                self._run(proxy.start())
                self._proxies[key, port["port"]] = proxy
            proxy.backends = self._backends(service, port)
        if self._targets:
            self._targets.ensure(key, _name(address), service, self._context.cluster.kubelet_address)
        ingress = [{"hostname": host_name(address)}]
        if (status_of(service).get("loadBalancer") or {}).get("ingress") != ingress:
            self._context.client.patch_status(SERVICES, key[1], {"loadBalancer": {"ingress": ingress}}, key[0])

    def _address(self, service: Object) -> str:
        """The address it has, or one that no Service of this cluster has."""
        if present := _address_in(service):
            return present
        taken = {_address_in(each) for each in self._context.client.list(SERVICES)}
        taken |= {proxy.address for proxy in self._proxies.values()}
        for network in self._context.cluster.load_balancer_networks():
            for host in range(1, 255):
                if (address := f"{network}.{host}") not in taken:
                    return address
        raise RuntimeError("no load balancer address is left")

    def _backends(self, service: Object, port: Object) -> list[tuple[str, int]]:
        backends = []
        for pod in self._pods.list(service["metadata"]["namespace"]):
            if selects(service, pod) and is_ready(pod) and not is_leaving(pod):
                number = port_of(port, pod)
                if number is not None:
                    backends.append((status_of(pod)["podIP"], number))
        return backends

    def _told(self, key: Key, registered: bool, cut: bool) -> None:  # noqa: FBT001
        """Called from another thread: what is behind a load balancer came or went."""
        for (owner, _), proxy in list(self._proxies.items()):
            if owner == key:
                proxy.registered = registered
                if cut:
                    self._run(proxy.cut())

    def _run(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(5)

    def services_of(self, pod: Object) -> list[Key]:
        namespace = pod["metadata"]["namespace"]
        return [
            (namespace, service["metadata"]["name"])
            for service in self._services.list(namespace)
            if service["spec"].get("type") == "LoadBalancer" and selects(service, pod)
        ]


def load_balancer_controller(context: Context, cloud: Cloud | None = None) -> Controller:
    """Without `cloud` nobody but the cluster knows of its load balancers."""
    work = _LoadBalancers(context, cloud)
    return (
        Controller("load-balancer", work.reconcile, resync=5.0)
        .watch(context.informers.of(SERVICES))
        .watch(context.informers.of(PODS), work.services_of)
    )


def _name(address: str) -> str:
    return host_name(address).partition(".")[0]


def _address_in(service: Object) -> str | None:
    ingress = (status_of(service).get("loadBalancer") or {}).get("ingress") or []
    return address_of(ingress[0].get("hostname", "")) if ingress else None
