"""Fills the etcd of a hosted cluster with what a used cluster has: a few thousand keys, some of them secret."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.client import CONFIG_MAPS, SECRETS, Client, Object, shared_client
from sandbox.guest import canary
from sandbox.guest.etcd import Etcd
from sandbox.guest.registry import PREFIX
from sandbox.guest.workers import OVN_NAMESPACE
from sandbox.guest.writer import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.plan import ManagementClusterPlan, Plan

_BATCH = 100  # etcd takes 128 operations in one transaction
_SECRET_EVERY = 10
_NAMESPACES = ("default", "kube-system", "kube-node-lease", "openshift-config", OVN_NAMESPACE, NAMESPACE)
_PROJECTS = 20


def seed(
    plan: Plan,
    name: str,
    keys: int = 3000,
    *,
    namespace: str = "clusters",
    cluster: ManagementClusterPlan | None = None,
) -> int:
    """Write about `keys` keys into the etcd of hosted cluster `name`; every tenth is a Secret that holds the canary.

    Written by transactions straight into etcd, with the client certificate of the control plane, because thousands of
    requests would only make a start slow. Returns how many keys were written. Raises ApiError, EtcdError.
    """
    home = cluster or plan.management_clusters[0]
    control_plane = f"{namespace}-{name}"
    context = control_plane_context(shared_client(home.controllers_kubeconfig), control_plane)
    slot = plan.etcd_slot(control_plane)
    endpoints = [f"https://{home.etcd_address(slot, ordinal)}:2379" for ordinal in range(3)]
    pairs = list(_objects(keys, canary(plan)))
    asyncio.run(_write(endpoints, context, pairs))
    return len(pairs)


async def _write(endpoints: list[str], context: ssl.SSLContext, pairs: list[tuple[str, bytes]]) -> None:
    etcd = Etcd(endpoints, context)
    try:
        for start in range(0, len(pairs), _BATCH):
            await etcd.put_many(pairs[start : start + _BATCH])
    finally:
        await etcd.close()


def _objects(keys: int, text: str) -> Iterator[tuple[str, bytes]]:
    projects = [f"project-{number:02}" for number in range(_PROJECTS)]
    for name in (*_NAMESPACES, *projects):
        yield _pair("namespaces", {"kind": "Namespace", "metadata": {"name": name}, "status": {"phase": "Active"}})
    yield _pair("clusterversions", _cluster_version())
    for number in range(keys - len(_NAMESPACES) - _PROJECTS - 1):
        metadata = {"name": f"seed-{number:05}", "namespace": projects[number % _PROJECTS]}
        if number % _SECRET_EVERY == 0:
            # In a real etcd a Secret's bytes stand as they are; here data is base64, so the text is told twice.
            value = base64.b64encode(text.encode()).decode()
            metadata |= {"annotations": {"sandbox/canary": text}}  # type: ignore[dict-item]
            yield _pair("secrets", {"kind": "Secret", "metadata": metadata, "type": "Opaque", "data": {"token": value}})
        else:
            data = {"settings": secrets.token_hex(150)}
            yield _pair("configmaps", {"kind": "ConfigMap", "metadata": metadata, "data": data})


def _cluster_version() -> Object:
    return {
        "apiVersion": "config.openshift.io/v1",
        "kind": "ClusterVersion",
        "metadata": {"name": "version"},
        "status": {"conditions": [{"type": "Available", "status": "True"}, {"type": "Progressing", "status": "False"}]},
    }


def _pair(plural: str, obj: Object) -> tuple[str, bytes]:
    metadata = obj["metadata"]
    parts = [PREFIX, plural, *([metadata["namespace"]] if "namespace" in metadata else []), metadata["name"]]
    return "/".join(parts), json.dumps({"apiVersion": "v1"} | obj, separators=(",", ":")).encode()


def control_plane_context(client: Client, control_plane: str) -> ssl.SSLContext:
    """TLS with the control plane's own client certificate."""
    authority = client.get(CONFIG_MAPS, "etcd-ca", control_plane)
    pair = client.get(SECRETS, "etcd-client-tls", control_plane)
    if authority is None or pair is None:
        raise RuntimeError(f"{control_plane} has no etcd certificates yet")
    context = ssl.create_default_context(cadata=authority["data"]["ca.crt"])
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder) / "client.pem"
        pem.write_bytes(b"".join(base64.b64decode(pair["data"][f"etcd-client.{kind}"]) for kind in ("crt", "key")))
        context.load_cert_chain(pem)
    return context
