"""A hosted cluster's API as its nodes and clients reach it: by its public name, asked of DNS for every connection."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import dns.exception
import dns.resolver
import yaml

if TYPE_CHECKING:
    from sandbox.plan import Plan

Object = dict[str, Any]


class HostedApiError(Exception):
    """The hosted API could not be reached, or answered other than with success (`code`, 0 when there was no answer)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.code = code


def kubeconfig_path(plan: Plan, name: str) -> Path:
    """The administrator's kubeconfig of a hosted cluster; it appears when the cluster is up for the first time."""
    return plan.run / "hosted" / name / "kubeconfig"


def node_kubeconfig_path(plan: Plan, name: str) -> Path:
    """What a hosted cluster's nodes know of its API; it is there once the administrator's is."""
    return plan.run / "hosted" / name / "node.kubeconfig"


class HostedApi:
    """One kept-alive connection to the hosted API, by default the administrator's. Not for more than one thread."""

    def __init__(self, plan: Plan, name: str, *, timeout: float = 2.0, kubeconfig: Path | None = None) -> None:
        address, _, port = plan.resolver.rpartition(":")
        self._resolver = dns.resolver.Resolver(configure=False)
        self._resolver.nameservers, self._resolver.port = [address], int(port)
        self._resolver.lifetime = self._resolver.timeout = timeout
        document = yaml.safe_load((kubeconfig or kubeconfig_path(plan, name)).read_text(encoding="utf-8"))
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        server = urlsplit(cluster["server"])
        self._host, self._port = server.hostname or "", server.port or 443
        self._timeout = timeout
        self._context = _context(cluster, user)
        self._headers = {"Host": f"{self._host}:{self._port}", "Content-Type": "application/json"}
        if "token" in user:
            self._headers["Authorization"] = f"Bearer {user['token']}"
        self._connection: http.client.HTTPConnection | None = None

    def request(self, method: str, path: str, body: bytes | None = None) -> Object:
        """The answer. Raises HostedApiError; whether a write that got no answer was done is not known."""
        try:
            if self._connection is None:
                self._connection = self._connect()
            self._connection.request(method, path, body, self._headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException, dns.exception.DNSException) as error:
            self.close()
            raise HostedApiError(0, f"{type(error).__name__}: {error}") from error
        if answer.status >= 300:
            if answer.status >= 500:
                self.close()  # perhaps another server has a working etcd
            raise HostedApiError(answer.status, text[:200].decode(errors="replace"))
        found: Object = json.loads(text)
        return found

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def resolve(self) -> str:
        """The address that DNS has now for the public name. Raises DNSException."""
        return str(next(iter(self._resolver.resolve(self._host, "A"))))

    def _connect(self) -> http.client.HTTPConnection:
        raw = socket.create_connection((self.resolve(), self._port), self._timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            connection.sock = self._context.wrap_socket(raw, server_hostname=self._host)
        except BaseException:
            raw.close()
            raise
        return connection


def _context(cluster: Object, user: Object) -> ssl.SSLContext:
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    if "client-certificate-data" in user:
        pem = base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"])
        with tempfile.NamedTemporaryFile() as file:  # readable by its owner only
            file.write(pem)
            file.flush()
            context.load_cert_chain(file.name)
    return context
