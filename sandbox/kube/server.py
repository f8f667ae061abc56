"""The API server of one management cluster: HTTPS, tokens, the audit log, and its two controllers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox import credentials
from sandbox.crds import definitions
from sandbox.kube import discovery, paths, pods
from sandbox.kube.access import Access, User
from sandbox.kube.audit import Audit
from sandbox.kube.conversion import Converter
from sandbox.kube.definitions import Definitions
from sandbox.kube.errors import ApiError, method_not_allowed
from sandbox.kube.garbage import GarbageCollector
from sandbox.kube.kinds import Kinds
from sandbox.kube.listing import Listing
from sandbox.kube.namespaces import NamespaceController
from sandbox.kube.registry import Registry, WriteOptions
from sandbox.kube.requests import Requests
from sandbox.kube.store import Store
from sandbox.kube.validating import ValidatingWebhooks
from sandbox.kube.webhooks import Webhooks
from sandbox.kube.writing import Writing
from sandbox.plan import API_PORT

if TYPE_CHECKING:
    from sandbox.plan import ManagementClusterPlan, Plan

_log = logging.getLogger(__name__)
_HEALTH_PATHS = ("/healthz", "/livez", "/readyz")
_USER, _VERB = web.RequestKey("user", User), web.RequestKey("verb", str)
_MAX_BODY = 3 * 1024 * 1024  # the real server's limit for a request


class ApiServer:
    """One emulated kube-apiserver. `store` and `listing` are open to tests (compaction, expiry)."""

    def __init__(self, plan: Plan, cluster: ManagementClusterPlan) -> None:
        self._sandbox, self._plan = plan, cluster
        self.store = Store()
        self.kinds = Kinds()
        self.registry = Registry(self.store, self.kinds)
        self._webhooks = Webhooks()
        self._converter = Converter(self.kinds, self._webhooks)
        self.listing = Listing(self.store, self._converter)
        self._access = Access(cluster)
        self._audit = Audit(plan.logs / f"{cluster.name}-audit.jsonl")
        self._definitions = Definitions(self.registry)
        self._controllers: tuple[GarbageCollector | NamespaceController, ...] = (
            GarbageCollector(self.registry),
            NamespaceController(self.registry),
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self._kubelets: pods.Kubelets | None = None
        self._requests: Requests | None = None

    async def start(self) -> None:
        """Serve; write the kubeconfigs and `api.ready`."""
        authority = credentials.prepare(self._plan)
        context = ssl.create_default_context(cadata=authority.certificate.decode())
        self._kubelets = pods.Kubelets(self.store, self._plan.kubelet_token, context)
        validating = ValidatingWebhooks(self.store, self._webhooks)
        writing = Writing(self.registry, self._converter, validating)
        self._requests = Requests(writing, self.listing, self._access, self._kubelets)
        self._definitions.install(definitions(self._sandbox, self._plan))
        namespaces = self.kinds.find("", "v1", "namespaces")
        assert namespaces is not None
        for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
            self.registry.create(namespaces, "", {"metadata": {"name": name}}, WriteOptions(manager="kube-apiserver"))
        self._tasks = [asyncio.create_task(each.run()) for each in self._controllers]
        self._runner = web.AppRunner(
            _application(self), access_log=None, shutdown_timeout=0.5, handler_cancellation=True, keepalive_timeout=120
        )
        await self._runner.setup()
        assert self._runner.server is not None
        self._listener = await asyncio.get_running_loop().create_server(
            self._runner.server,
            self._plan.api_address,
            API_PORT,
            ssl=credentials.server_context(self._plan),
            ssl_shutdown_timeout=0.2,  # a client that has gone does not answer
            backlog=1024,
            reuse_address=True,
        )
        (self._plan.folder / "api.ready").touch()

    async def stop(self) -> None:
        """End watches and stop serving."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._kubelets is not None:
            await self._kubelets.close()
        await self._webhooks.close()
        self._audit.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request; every failure is a Status."""
        try:
            return await self._answer(request)
        except ApiError as error:
            return web.json_response(error.body(), status=error.code)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except web.HTTPRequestEntityTooLarge:
            failure = ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {_MAX_BODY}")
            return web.json_response(failure.body(), status=413)
        except Exception:
            _log.exception("%s %s", request.method, request.path)
            failure = ApiError(500, "InternalError", "Internal error occurred: see the log of the API server")
            return web.json_response(failure.body(), status=500)

    async def record(self, request: web.Request, answer: web.StreamResponse) -> None:
        """Write the audit log when an answer begins: a watch or an exec may take hours to end."""
        user = request.get(_USER)
        verb = request.get(_VERB, request.method.lower())
        self._audit.record(user.name if user else "system:anonymous", verb, request.path_qs, answer.status)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.rstrip("/")
        if path in _HEALTH_PATHS:
            return web.Response(text="ok")
        if path == "/version":
            return web.json_response(discovery.VERSION)
        user = self._access.authenticate(request.headers.get("Authorization", ""))
        request[_USER] = user
        found = discovery.find(request.path, self.kinds, self._plan.api_address)
        if found is not None:
            if request.method not in ("GET", "HEAD"):
                raise method_not_allowed()
            return web.json_response(found)
        target = paths.parse(request.path, self.kinds)
        verb = target.verb(request.method, watch=paths.flag(request.query, "watch"))
        request[_VERB] = verb
        if not self._access.authorize(user, verb, target.resource, target.namespace, target.name):
            text = f'{target.resource} "{target.name}" is forbidden: User "{user.name}" cannot {verb} it'
            raise ApiError(403, "Forbidden", text)
        assert self._requests is not None
        return await self._requests.answer(request, target, user)


def _application(server: ApiServer) -> web.Application:
    application = web.Application(client_max_size=_MAX_BODY)
    application.on_response_prepare.append(server.record)
    application.router.add_route("*", "/{path:.*}", server.handle)
    return application


async def serve(plan: Plan, cluster: ManagementClusterPlan, until: asyncio.Event) -> None:
    """Run the API server of `cluster` until `until` is set."""
    server = ApiServer(plan, cluster)
    await server.start()
    try:
        await until.wait()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await server.stop()
