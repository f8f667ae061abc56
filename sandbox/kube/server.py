"""The API server of one management cluster: HTTPS, tokens, the audit log, and its two controllers."""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox import credentials
from sandbox.crds import definitions
from sandbox.kube import discovery, paths, pods, rbac, selectors
from sandbox.kube.access import Access, User
from sandbox.kube.audit import Audit
from sandbox.kube.conversion import Converter
from sandbox.kube.definitions import Definitions
from sandbox.kube.errors import ApiError, method_not_allowed, unknown_path
from sandbox.kube.flow import Flow, TooManyRequestsError
from sandbox.kube.flow import refusal as flow_refusal
from sandbox.kube.garbage import GarbageCollector
from sandbox.kube.kinds import Kinds
from sandbox.kube.listing import Listing
from sandbox.kube.namespaces import NamespaceController
from sandbox.kube.rbac import Attributes
from sandbox.kube.registry import Registry, WriteOptions
from sandbox.kube.requests import Requests
from sandbox.kube.store import Store
from sandbox.kube.validating import ValidatingWebhooks
from sandbox.kube.webhooks import Webhooks
from sandbox.kube.writing import Writing
from sandbox.plan import API_PORT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.plan import ManagementClusterPlan, Plan

_log = logging.getLogger(__name__)
_HEALTH_PATHS = ("/healthz", "/livez", "/readyz")
_USER, _VERB = web.RequestKey("user", User), web.RequestKey("verb", str)
_LONG_RUNNING = ("exec", "log")
_LONGEST_LINE = 1 << 20  # Go's limit; the whole command of an exec is in it
_MAX_BODY = 3 * 1024 * 1024  # the real server's limit for a request


class ApiServer:
    """One emulated kube-apiserver. `store` is open to tests (compaction)."""

    def __init__(self, plan: Plan, cluster: ManagementClusterPlan) -> None:
        self._sandbox, self._plan = plan, cluster
        self.store = Store()
        self.kinds = Kinds()
        self.registry = Registry(self.store, self.kinds)
        self._webhooks = Webhooks()
        self._converter = Converter(self.kinds, self._webhooks)
        self.listing = Listing(self.store, self._converter)
        self._access = Access(cluster, self.store)
        self._flow = Flow(self.store)
        self._audit = Audit(plan.logs / f"{cluster.name}-audit.jsonl")
        self._definitions = Definitions(self.registry)
        self._namespaces = NamespaceController(self.registry)
        self._controllers: tuple[GarbageCollector | NamespaceController, ...] = (
            GarbageCollector(self.registry),
            self._namespaces,
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
        self._namespaces.publish(authority.certificate.decode())
        self._kubelets = pods.Kubelets(self.store, self._plan.kubelet_token, context)
        validating = ValidatingWebhooks(self.store, self._webhooks)
        writing = Writing(self.registry, self._converter, validating, self._access.rules)
        self._requests = Requests(writing, self.listing, self._access, self._kubelets)
        self._definitions.install(definitions(self._sandbox, self._plan))
        self._create_first_objects()
        self.store.begin_watches_anew()
        self._tasks = [asyncio.create_task(each.run()) for each in self._controllers]
        await self._listen()

    def _create_first_objects(self) -> None:
        namespaces = ("default", "kube-system", "kube-public", "kube-node-lease")
        wanted = [("", "namespaces", {"metadata": {"name": name}}) for name in namespaces]
        wanted += [(rbac.GROUP, plural, obj) for plural, obj in rbac.first_objects()]
        for group, plural, obj in wanted:
            kind = self.kinds.find(group, "v1", plural)
            assert kind is not None
            self.registry.create(kind, "", obj, WriteOptions(manager="kube-apiserver"))

    async def _listen(self) -> None:
        self._runner = web.AppRunner(
            _application(self),
            access_log=None,
            shutdown_timeout=0.5,
            handler_cancellation=True,
            keepalive_timeout=120,
            max_line_size=_LONGEST_LINE,
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

    async def _hang_up(self) -> None:
        (self._plan.folder / "api.ready").unlink(missing_ok=True)
        if self._listener is not None:
            self._listener.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def restart(self, until: Callable[[], Awaitable[None]] | None = None) -> None:
        """Break all connections and serve again, from the same store, as a real one does from its etcd.

        Not before `until` says so: meanwhile every connection is refused.
        """
        await self._hang_up()
        if until is not None:
            await until()
        self.store.begin_watches_anew()
        await self._listen()

    async def stop(self) -> None:
        """End watches and stop serving."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._hang_up()
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
        except TooManyRequestsError:
            return flow_refusal()
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
        user = self._access.authenticate(request.headers.get("Authorization", ""))
        request[_USER] = user
        if paths.is_about_objects(request.path):
            return await self._answer_about_objects(request, user)
        verb = request.method.lower()
        with self._flow.seat(user, Attributes(verb, path=request.path)):
            self._access.check_path(user, verb, request.path)
            if request.path.rstrip("/") in _HEALTH_PATHS:
                return web.Response(text="ok")
            if request.path.rstrip("/") == "/version":
                return web.json_response(discovery.VERSION)
            found = discovery.find(request.path, self.kinds, self._plan.api_address)
            if found is None:
                raise unknown_path()
            if request.method not in ("GET", "HEAD"):
                raise method_not_allowed()
            return web.json_response(found)

    async def _answer_about_objects(self, request: web.Request, user: User) -> web.StreamResponse:
        target = paths.parse(request.path, self.kinds)
        verb = target.verb(request.method, watch=paths.flag(request.query, "watch"))
        request[_VERB] = verb
        assert self._requests is not None
        if verb == "watch" or target.subresource in _LONG_RUNNING:  # they do not count as busy
            self._access.check(user, verb, target, selectors.only_name(request.query))
            return await self._requests.answer(request, target, user)
        kind = target.kind
        with self._flow.seat(user, Attributes(verb, kind.group, kind.plural, target.namespace, target.name)):
            self._access.check(user, verb, target, selectors.only_name(request.query))
            return await self._requests.answer(request, target, user)


def _application(server: ApiServer) -> web.Application:
    application = web.Application(client_max_size=_MAX_BODY)
    application.on_response_prepare.append(server.record)
    application.router.add_route("*", "/{path:.*}", server.handle)
    return application
