"""Subresources of pods: binding, eviction, and what the kubelet of the pod's node answers (exec, log)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import WSMsgType, web

from sandbox.kube import errors
from sandbox.kube.deletion import DeleteOptions
from sandbox.kube.metadata import now
from sandbox.kube.paths import flag
from sandbox.kube.registry import Registry, WriteOptions
from sandbox.kube.selectors import labels as label_matcher

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from sandbox.kube.paths import Target
    from sandbox.kube.store import Object, Store

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_log = logging.getLogger(__name__)


def bind(registry: Registry, target: Target, binding: Object, options: WriteOptions) -> None:
    """Put a pod on a node, once."""
    node = (binding.get("target") or {}).get("name")
    if not node:
        raise errors.invalid(target.kind, target.name, [errors.FieldError.required("target.name")])

    def change(pod: Object) -> Object:
        if pod["metadata"].get("deletionTimestamp"):
            raise errors.conflict(target.kind, target.name, f"pod {target.name} is being deleted, cannot be assigned")
        if pod["spec"].get("nodeName"):
            why = f'pod {target.name} is already assigned to node "{pod["spec"]["nodeName"]}"'
            raise errors.conflict(target.kind, target.name, why)
        pod["spec"]["nodeName"] = node
        conditions = pod.setdefault("status", {}).setdefault("conditions", [])
        conditions[:] = [each for each in conditions if each["type"] != "PodScheduled"]
        conditions.append({"type": "PodScheduled", "status": "True", "lastTransitionTime": now()})
        return pod

    registry.update(target.kind, target.namespace, target.name, change, options, "binding")


def evict(registry: Registry, target: Target, eviction: Object, query: Mapping[str, str]) -> None:
    """Delete a pod unless a disruption budget forbids it (429)."""
    pod = registry.get(target.kind, target.namespace, target.name)
    for budget in registry.store.list("poddisruptionbudgets.policy", target.namespace):
        wanted = ((budget.object.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
        matcher = label_matcher(",".join(f"{key}={value}" for key, value in wanted.items()))
        if matcher and matcher(pod.object) and not (budget.object.get("status") or {}).get("disruptionsAllowed"):
            text = "Cannot evict pod as it would violate the pod's disruption budget."
            why = f"The disruption budget {budget.key[1]} does not allow it now"
            causes = [{"reason": "DisruptionBudget", "message": why}]
            raise errors.ApiError(429, "TooManyRequests", text, {"causes": causes})
    options = DeleteOptions.parse(eviction.get("deleteOptions") or {}, query)
    registry.delete(target.kind, target.namespace, target.name, options)


class Kubelets:
    """The way from the API server to the kubelets of its nodes."""

    def __init__(self, store: Store, token: str, context: ssl.SSLContext) -> None:
        self._store, self._token, self._context = store, token, context
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def forward(self, request: web.Request, pod: Object, subresource: str) -> web.StreamResponse:
        """Let the kubelet answer an exec (websocket) or log request."""
        container = _container(pod, request.query.get("container", ""))
        node = pod["spec"].get("nodeName")
        name = pod["metadata"]["name"]
        if not node:
            raise errors.bad_request(f"pod {name} does not have a host assigned")
        path = f"{pod['metadata']['namespace']}/{name}/{container}"
        if subresource == "log":
            return await self._log(request, f"{self._address(node)}/containerLogs/{path}")
        return await self._exec(request, f"{self._address(node)}/exec/{path}")

    def _address(self, node: str) -> str:
        stored = self._store.get("nodes", "", node)
        if stored is None:
            raise errors.ApiError(404, "NotFound", f'nodes "{node}" not found', {"name": node, "kind": "nodes"})
        status = stored.object.get("status") or {}
        addresses = {each["type"]: each["address"] for each in status.get("addresses") or []}
        port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port", 10250)
        if "InternalIP" not in addresses:
            raise errors.ApiError(500, "InternalError", f"no preferred addresses found for node {node}")
        return f"https://{addresses['InternalIP']}:{port}"

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
            headers = {"Authorization": f"Bearer {self._token}"}
            connector = aiohttp.TCPConnector(ssl=self._context, limit=0)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers)
        return self._session

    async def _log(self, request: web.Request, url: str) -> web.StreamResponse:
        query = [(key, value) for key, value in request.query.items() if key != "container"]
        try:
            answer = await self._client().get(url, params=query)
        except aiohttp.ClientError as error:
            raise _unreachable(url, error) from error
        async with answer:
            if answer.status != 200:
                raise errors.ApiError(answer.status, "InternalError", (await answer.text()).strip())
            response = web.StreamResponse(headers={"Content-Type": "text/plain"})
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
        return response

    async def _exec(self, request: web.Request, url: str) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            raise errors.bad_request("Upgrade request required")
        offered = [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        protocols = [each for each in PROTOCOLS if each in offered]
        if not protocols:
            raise errors.bad_request(f"unable to upgrade: none of the subprotocols is supported: {offered}")
        if "command" not in request.query:
            raise errors.bad_request("you must specify at least 1 command")
        query = [("command", each) for each in request.query.getall("command")]
        for ours, theirs in (("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty")):
            if flag(request.query, ours):
                query.append((theirs, "1"))
        try:
            kubelet = await self._client().ws_connect(
                url, params=query, protocols=protocols, max_msg_size=0, autoclose=False, autoping=True
            )
        except aiohttp.WSServerHandshakeError as error:
            text = f"unable to upgrade connection: {error.message} ({error.status})"
            raise errors.ApiError(error.status if error.status >= 400 else 500, "InternalError", text) from error
        except aiohttp.ClientError as error:
            raise _unreachable(url, error) from error
        chosen = kubelet.protocol or protocols[-1]
        client = web.WebSocketResponse(protocols=(chosen,), max_msg_size=0, autoclose=False, autoping=True)
        try:
            await client.prepare(request)
            ways = [asyncio.create_task(_pass_on(client, kubelet)), asyncio.create_task(_pass_on(kubelet, client))]
            # The kubelet ends an exec; when the client leaves early, closing the kubelet's side ends it too.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            await kubelet.close()
            await client.close()
        return client


_Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pass_on(source: _Socket, sink: _Socket) -> None:
    while True:
        message = await source.receive()
        if message.type == WSMsgType.BINARY:
            await sink.send_bytes(message.data)
        elif message.type == WSMsgType.TEXT:
            await sink.send_str(message.data)
        else:
            return  # closed by the peer, or broken


def _container(pod: Object, wanted: str) -> str:
    spec = pod["spec"]
    name = pod["metadata"]["name"]
    containers = [each["name"] for each in spec.get("containers") or []]
    initial = [each["name"] for each in spec.get("initContainers") or []]
    if wanted:
        if wanted not in containers + initial:
            raise errors.bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(containers) == 1:
        return str(containers[0])
    text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(containers)}]"
    if initial:
        text += f" or one of the init containers: [{' '.join(initial)}]"
    raise errors.bad_request(text)


def _unreachable(url: str, error: Exception) -> errors.ApiError:
    _log.warning("kubelet %s: %s", url, error)
    return errors.ApiError(500, "InternalError", f"error dialing backend: {error}")
