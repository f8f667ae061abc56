"""A hosted cluster's kube-apiserver: a subset of Kubernetes over the hosted cluster's own, real etcd.

Started in pods of the image `hosted-kube-apiserver` with the options of the real one:

    --bind-address=IP --secure-port=6443 --tls-cert-file=F --tls-private-key-file=F
    --client-ca-file=F         client certificates signed by it are let in
    --token-auth-file=F        lines `token,user,uid`; such bearer tokens are let in
    --etcd-servers=https://etcd-client:2379 --etcd-cafile=F --etcd-certfile=F --etcd-keyfile=F

A write is answered with success only after etcd has said that it is done. Options it does not know are ignored.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.guest.etcd import Etcd, EtcdError, client_context
from sandbox.guest.registry import KINDS, Kind, Object, Refusal, Registry

_log = logging.getLogger(__name__)
_OPEN = frozenset(("/livez", "/readyz", "/healthz", "/version"))
_BODY_LIMIT = 3 << 20
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update"]
_GROUPS = {(kind.api_version, kind.plural): kind for kind in KINDS}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ApiServer:
    """The HTTP side of a Registry."""

    def __init__(self, etcd: Etcd, tokens: frozenset[str]) -> None:
        self._etcd = etcd
        self._registry = Registry(etcd)
        self._tokens = tokens

    def application(self) -> web.Application:
        app = web.Application(middlewares=[_report, self._authenticate], client_max_size=_BODY_LIMIT)
        app.router.add_get("/livez", _ok)
        app.router.add_get("/healthz", self._readyz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/version", _version)
        app.router.add_get("/api", _api)
        app.router.add_get("/apis", _apis)
        for base in ("/api/{version}", "/apis/{group}/{version}"):
            app.router.add_get(base, _resources)
            for path in ("/namespaces/{namespace}/{plural}", "/{plural}"):
                app.router.add_route("*", base + path, self._collection)
                app.router.add_route("*", base + path + "/{name}", self._object)
            app.router.add_route("*", base + "/namespaces/{namespace}/{plural}/{name}/{subresource}", self._object)
            app.router.add_route("*", base + "/{plural}/{name}/status", self._object)
        return app

    @web.middleware
    async def _authenticate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in _OPEN:
            kind, _, token = request.headers.get("Authorization", "").partition(" ")
            transport = request.transport
            certificate = transport.get_extra_info("peercert") if transport else None
            if not certificate and not (kind == "Bearer" and token in self._tokens):
                raise Refusal(401, "Unauthorized", "Unauthorized")
        return await handler(request)

    async def _readyz(self, _: web.Request) -> web.Response:
        try:
            await self._etcd.get("/kubernetes.io/health")
        except EtcdError as error:
            _log.info("not ready: %s", error)
            return web.Response(status=500, text="[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n")
        return web.Response(text="ok")

    async def _collection(self, request: web.Request) -> web.Response:
        kind, namespace = _target(request)
        if request.method == "GET":
            if request.query.get("watch", "false") not in ("false", "0"):
                raise Refusal(405, "MethodNotAllowed", "watch is not served here")
            return web.json_response(await self._registry.list(kind, namespace, request.query))
        if request.method == "POST":
            created = await self._registry.create(kind, namespace, await request.read())
            return web.json_response(created, status=201)
        if request.method == "DELETE":
            return web.json_response(await self._registry.delete_collection(kind, namespace, request.query))
        raise Refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

    async def _object(self, request: web.Request) -> web.Response:
        kind, namespace = _target(request)
        name = request.match_info["name"]
        if request.match_info.get("subresource", "status") != "status":
            raise Refusal(404, "NotFound", "the server could not find the requested resource")
        if request.method == "GET":
            return web.json_response(await self._registry.get(kind, namespace, name))
        if request.method == "PUT":
            return web.json_response(await self._registry.replace(kind, namespace, name, await request.read()))
        if request.method == "PATCH":
            patch = json.loads(await request.read())
            return web.json_response(await self._registry.patch(kind, namespace, name, patch, request.content_type))
        if request.method == "DELETE":
            body = await request.read()
            return web.json_response(
                await self._registry.delete(kind, namespace, name, json.loads(body) if body else {})
            )
        raise Refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


@web.middleware
async def _report(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns exceptions into the Status that a client expects."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return web.json_response(refusal.to_status(), status=refusal.code)
    except EtcdError as error:
        _log.info("%s %s: %s", request.method, request.path, error)
        return web.json_response(Refusal(500, "InternalError", str(error)).to_status(), status=500)
    except web.HTTPNotFound:
        missing = Refusal(404, "NotFound", "the server could not find the requested resource")
        return web.json_response(missing.to_status(), status=404)


def _target(request: web.Request) -> tuple[Kind, str | None]:
    info = request.match_info
    version = info["version"] if "group" not in info else f"{info['group']}/{info['version']}"
    kind = _GROUPS.get((version, info["plural"]))
    if kind is None:
        raise Refusal(404, "NotFound", "the server could not find the requested resource")
    return kind, info.get("namespace")


async def _ok(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _version(_: web.Request) -> web.Response:
    return web.json_response({"major": "1", "minor": "30", "gitVersion": "v1.30.0", "platform": "linux/amd64"})


async def _api(_: web.Request) -> web.Response:
    return web.json_response({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})


async def _apis(_: web.Request) -> web.Response:
    groups = []
    for version in dict.fromkeys(kind.api_version for kind in KINDS if "/" in kind.api_version):
        entry = {"groupVersion": version, "version": version.partition("/")[2]}
        groups.append({"name": version.partition("/")[0], "versions": [entry], "preferredVersion": entry})
    return web.json_response({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})


async def _resources(request: web.Request) -> web.Response:
    version = request.path.removeprefix("/apis/").removeprefix("/api/")
    found: list[Object] = [
        {
            "name": kind.plural, "singularName": kind.kind.lower(), "namespaced": kind.namespaced,
            "kind": kind.kind, "verbs": _VERBS,
        }
        for kind in KINDS
        if kind.api_version == version
    ]  # fmt: skip
    if not found:
        raise Refusal(404, "NotFound", "the server could not find the requested resource")
    return web.json_response(
        {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": found}
    )


def _arguments() -> Any:
    parser = argparse.ArgumentParser(prog="kube-apiserver", allow_abbrev=False)
    parser.add_argument("--bind-address", required=True)
    parser.add_argument("--secure-port", type=int, default=6443)
    for name in (
        "tls-cert-file",
        "tls-private-key-file",
        "etcd-servers",
        "etcd-cafile",
        "etcd-certfile",
        "etcd-keyfile",
    ):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--client-ca-file")
    parser.add_argument("--token-auth-file", type=Path)
    return parser.parse_known_args()[0]


def _tokens(path: Path | None) -> frozenset[str]:
    if path is None:
        return frozenset()
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(line.split(",")[0].strip() for line in lines if line.strip())


async def _serve(options: Any) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.tls_cert_file, options.tls_private_key_file)
    if options.client_ca_file:
        context.load_verify_locations(options.client_ca_file)
        context.verify_mode = ssl.CERT_OPTIONAL
    etcd = Etcd(
        options.etcd_servers.split(","),
        client_context(options.etcd_cafile, options.etcd_certfile, options.etcd_keyfile),
    )
    runner = web.AppRunner(ApiServer(etcd, _tokens(options.token_auth_file)).application(), access_log=None)
    await runner.setup()
    await web.TCPSite(
        runner, options.bind_address, options.secure_port, ssl_context=context, shutdown_timeout=1
    ).start()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    await runner.cleanup()
    await etcd.close()


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    asyncio.run(_serve(_arguments()))


if __name__ == "__main__":
    main()
