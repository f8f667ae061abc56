"""What controllers see of a hosted cluster from the inside: its API by its public name, its Nodes, their age."""

from __future__ import annotations

import base64
import datetime
import json
import logging
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dns.resolver
import urllib3
import yaml

from sandbox.client import HOSTED_CLUSTERS, SECRETS

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.controllers.context import Context
    from sandbox.informer import Key
    from sandbox.plan import Plan

_log = logging.getLogger(__name__)
_POLL_SECONDS = 1.5
_FRESH_SECONDS = 40  # a node's lease duration: older, and the node is NotReady
_TIMEOUT = urllib3.Timeout(connect=2, read=5)


@dataclass(frozen=True)
class GuestNode:
    """One Node of a hosted cluster."""

    name: str
    provider_id: str
    ready: bool


@dataclass(frozen=True)
class GuestView:
    """One look at a hosted cluster; `seen` is monotonic seconds, 0 when it never answered."""

    resolves: bool = False
    serves: bool = False
    nodes: tuple[GuestNode, ...] = ()
    seen: float = 0.0

    def node_of(self, provider_id: str) -> GuestNode | None:
        return next((node for node in self.nodes if node.provider_id == provider_id), None)


def resolve(plan: Plan, host: str) -> str | None:
    """The address of a public name, asked of the sandbox's DNS; None when there is none."""
    address, _, port = plan.resolver.partition(":")
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = [address], int(port), 2.0
    try:
        return str(next(iter(resolver.resolve(host, "A"))))
    except Exception:
        return None


class Guests:
    """Looks at every hosted cluster of one management cluster, a thread each, as long as the HostedCluster is there."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._hosted = context.informers.of(HOSTED_CLUSTERS)
        self._secrets = context.informers.of(SECRETS)
        self._views: dict[Key, GuestView] = {}
        self._followed: set[Key] = set()
        self._folder = Path(tempfile.mkdtemp(prefix="guests-", dir=context.plan.run))
        self._hosted.on_change(self._changed)

    def view(self, key: Key) -> GuestView:
        return self._views.get(key, GuestView())

    def _changed(self, _old: Object | None, new: Object | None) -> None:
        if new is not None:
            key = (new["metadata"]["namespace"], new["metadata"]["name"])
            if key not in self._followed:
                self._followed.add(key)
                threading.Thread(target=self._follow, args=(key,), name=f"guest {key[1]}", daemon=True).start()

    def _follow(self, key: Key) -> None:
        guest: _Guest | None = None
        while self._hosted.get(key[1], key[0]) is not None:
            secret = self._secrets.get(f"{key[1]}-admin-kubeconfig", key[0])
            if secret is not None:
                version = secret["metadata"]["resourceVersion"]
                if guest is None or guest.version != version:
                    guest = _Guest(self._context.plan, secret, self._folder / f"{key[0]}-{key[1]}")
                self._views[key] = guest.look(self.view(key))
            time.sleep(_POLL_SECONDS)
        self._followed.discard(key)
        self._views.pop(key, None)


class _Guest:
    def __init__(self, plan: Plan, secret: Object, folder: Path) -> None:
        self.version: str = secret["metadata"]["resourceVersion"]
        self._plan = plan
        kubeconfig = yaml.safe_load(base64.b64decode(secret["data"]["kubeconfig"]))
        server = urllib3.util.parse_url(kubeconfig["clusters"][0]["cluster"]["server"])
        self._host, self._port = str(server.host), server.port or 443
        folder.mkdir(mode=0o700, exist_ok=True)
        user = kubeconfig["users"][0]["user"]
        self._files: dict[str, Any] = {
            "ca_certs": _write(folder / "ca.crt", kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]),
            "cert_file": _write(folder / "client.crt", user["client-certificate-data"]),
            "key_file": _write(folder / "client.key", user["client-key-data"]),
        }
        self._pool: urllib3.HTTPSConnectionPool | None = None
        self._address: str | None = None

    def look(self, before: GuestView) -> GuestView:
        address = resolve(self._plan, self._host)
        if address is None:
            return GuestView(resolves=False, nodes=before.nodes, seen=before.seen)
        if address != self._address or self._pool is None:
            self._address = address
            self._pool = urllib3.HTTPSConnectionPool(
                address, self._port, server_hostname=self._host, assert_hostname=self._host, maxsize=1, **self._files
            )
        try:
            if self._get("/readyz", parse=False) is None:
                raise RuntimeError("not ready")
            nodes = self._get("/api/v1/nodes")
            leases = self._get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases")
        except Exception as error:
            _log.info("hosted API %s: %s", self._host, error)
            return GuestView(resolves=True, nodes=before.nodes, seen=before.seen)
        return GuestView(resolves=True, serves=True, nodes=_nodes(nodes, leases), seen=time.monotonic())

    def _get(self, path: str, *, parse: bool = True) -> Any:
        assert self._pool is not None
        answer = self._pool.request("GET", path, timeout=_TIMEOUT, retries=False)
        if answer.status != 200:
            raise RuntimeError(f"GET {path}: {answer.status}")
        return json.loads(answer.data) if parse else answer.data


def _nodes(nodes: Object, leases: Object) -> tuple[GuestNode, ...]:
    renewed = {each["metadata"]["name"]: (each.get("spec") or {}).get("renewTime") for each in leases["items"]}
    found = []
    for node in nodes["items"]:
        name = node["metadata"]["name"]
        conditions = (node.get("status") or {}).get("conditions") or []
        says_ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        found.append(
            GuestNode(
                name,
                (node.get("spec") or {}).get("providerID", ""),
                ready=says_ready and _is_fresh(renewed.get(name)),
            )
        )
    return tuple(found)


def _is_fresh(renew_time: str | None) -> bool:
    if not renew_time:
        return False
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(renew_time)
    return age.total_seconds() < _FRESH_SECONDS


def _write(path: Path, encoded: str) -> str:
    path.touch(mode=0o600)
    path.write_bytes(base64.b64decode(encoded))
    return str(path)
