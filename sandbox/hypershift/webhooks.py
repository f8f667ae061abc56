"""The webhooks that the HyperShift operator answers itself: conversion of Cluster API, validation of its own kinds.

They are there while a pod of the operator is ready, and no longer: then the port refuses connections, and those that
are open are cut.
"""

from __future__ import annotations

import base64
import json
import logging
import socket
import ssl
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox import credentials
from sandbox.hypershift.webhook_answers import ReviewError, converted, validated
from sandbox.pki import KeyPair

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.client import Object
    from sandbox.controllers.context import Context
    from sandbox.hypershift.carriers import Carriers
    from sandbox.plan import ManagementClusterPlan

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.1
_ANSWERS: dict[str, Callable[[Any], Object]] = {"/convert": converted, "/validate": validated}
CONFIGURATION = "hypershift.openshift.io"


def validating_configuration(cluster: ManagementClusterPlan) -> Object:
    """What `hypershift install --enable-validating-webhook` installs: with the operator away nothing may change."""
    authority = base64.b64encode((cluster.pki / "ca.crt").read_bytes()).decode()
    return {
        "metadata": {"name": CONFIGURATION},
        "webhooks": [
            {
                "name": f"{plural}.{CONFIGURATION}",
                "clientConfig": {"url": f"{cluster.webhook_url}/validate", "caBundle": authority},
                "rules": [
                    {
                        "apiGroups": [CONFIGURATION],
                        "apiVersions": ["v1beta1"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": [plural],
                        "scope": "Namespaced",
                    }
                ],
                "admissionReviewVersions": ["v1"],
                "failurePolicy": "Fail",
                "matchPolicy": "Equivalent",
                "sideEffects": "None",
                "timeoutSeconds": 15,
            }
            for plural in ("hostedclusters", "nodepools")
        ],
    }


class WebhookServer:
    """HTTPS at `cluster.webhook_url` while `is_alive` says so; looked at ten times a second."""

    def __init__(self, cluster: ManagementClusterPlan, is_alive: Callable[[], bool]) -> None:
        self._cluster, self._is_alive = cluster, is_alive
        self._stopped = threading.Event()
        self._server: _Server | None = None

    def start(self) -> WebhookServer:
        threading.Thread(target=self._run, name="operator-webhooks", daemon=True).start()
        return self

    def stop(self) -> None:
        """Daemon thread: the port closes within a moment."""
        self._stopped.set()

    def _run(self) -> None:
        context = _context(self._cluster)
        while not self._stopped.wait(_LOOK_SECONDS):
            alive = self._is_alive()
            if alive and self._server is None:
                self._server = _open(self._cluster, context)
                _log.info("webhooks answer at %s", self._cluster.webhook_url)
            elif not alive and self._server is not None:
                _close(self._server)
                self._server = None
                _log.info("no pod of the operator is ready: webhooks are gone")
        if self._server is not None:
            _close(self._server)


def webhook_server(context: Context, carriers: Carriers) -> WebhookServer:
    """The operator's, of one management cluster."""
    return WebhookServer(context.cluster, carriers.operator)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext) -> None:
        super().__init__(address, _Handler)
        self._context = context
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, Any]:
        """The handshake happens in the connection's own thread: a slow client must not keep others waiting."""
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wrapped = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._open.add(wrapped)
        return wrapped, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's
        """A client that has gone, or was cut off, is no error of ours."""
        _log.debug("connection of %s ended", client_address, exc_info=True)

    def cut(self) -> None:
        """End every open connection."""
        with self._lock:
            connections = list(self._open)
        for each in connections:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # gone already


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = _ANSWERS.get(urlsplit(self.path).path)
        if answer is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            encoded = json.dumps(answer(json.loads(body)), separators=(",", ":")).encode()
        except (ValueError, ReviewError) as error:
            self.send_error(HTTPStatus.BAD_REQUEST, str(error))
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name for it
        """Requests are in the API's audit log."""


def _context(cluster: ManagementClusterPlan) -> ssl.SSLContext:
    authority = KeyPair((cluster.pki / "ca.crt").read_bytes(), (cluster.pki / "ca.key").read_bytes())
    host = urlsplit(cluster.webhook_url).hostname or ""
    credentials.issue(cluster, authority, "operator-webhooks", "operator.hypershift.svc", names=(host,))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cluster.pki / "operator-webhooks.crt", cluster.pki / "operator-webhooks.key")
    return context


def _open(cluster: ManagementClusterPlan, context: ssl.SSLContext) -> _Server:
    parts = urlsplit(cluster.webhook_url)
    deadline = time.monotonic() + 10
    while True:
        try:
            server = _Server((parts.hostname or "", parts.port or 443), context)
            break
        except OSError:  # a connection that was just cut may hold the port for a moment
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECONDS)
    threading.Thread(target=server.serve_forever, args=(0.05,), name="operator-webhooks port", daemon=True).start()
    return server


def _close(server: _Server) -> None:
    server.shutdown()
    server.server_close()
    server.cut()
