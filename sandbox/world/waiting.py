"""Waiting until a hosted cluster of the sandbox is up."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

import yaml

from sandbox.client import HOSTED_CLUSTERS, NODE_POOLS, SECRETS, Client, shared_client
from sandbox.objects import condition

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.client import Resource
    from sandbox.informer import Key
    from sandbox.plan import ManagementClusterPlan, Plan

_POLL_SECONDS = 0.2


def wait_until_available(
    plan: Plan, name: str, timeout: float, *, cluster: ManagementClusterPlan | None = None
) -> None:
    """Wait until the hosted cluster is Available and its DNS name leads to a hosted API that answers.

    Writes `<run>/hosted/<name>/kubeconfig`, `node.kubeconfig` and `ca.crt` then. Raises TimeoutError after `timeout`
    seconds.
    """
    client = shared_client((cluster or plan.management_clusters[0]).controllers_kubeconfig)
    namespace = plan.shape.namespace_of(name)
    wanted = ("Available", "ExternalDNSReachable", "ClusterVersionSucceeding")
    _wait(client, HOSTED_CLUSTERS, (namespace, name), wanted, timeout)
    secret = client.get(SECRETS, f"{name}-admin-kubeconfig", namespace)
    nodes = client.get(SECRETS, "bootstrap-kubeconfig", f"{namespace}-{name}")
    assert secret is not None
    assert nodes is not None
    kubeconfig = base64.b64decode(secret["data"]["kubeconfig"])
    authority = yaml.safe_load(kubeconfig)["clusters"][0]["cluster"]["certificate-authority-data"]
    folder = plan.run / "hosted" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ca.crt").write_bytes(base64.b64decode(authority))
    _write(folder / "node.kubeconfig", base64.b64decode(nodes["data"]["kubeconfig"]))
    # The kubeconfig comes last, and at once: others take its presence as the sign that the cluster is up.
    _write(folder / "kubeconfig", kubeconfig)


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.touch(mode=0o600)
    part.write_bytes(content)
    part.rename(path)


def wait_until_nodes_ready(
    plan: Plan, name: str, timeout: float, *, cluster: ManagementClusterPlan | None = None
) -> None:
    """Wait until every NodePool of the hosted cluster has all its machines and healthy nodes. Raises TimeoutError."""
    client = shared_client((cluster or plan.management_clusters[0]).controllers_kubeconfig)
    deadline = time.monotonic() + timeout
    namespace = plan.shape.namespace_of(name)
    for pool in client.list(NODE_POOLS, namespace):
        if pool["spec"]["clusterName"] == name:
            wanted, key = ("AllMachinesReady", "AllNodesHealthy"), (namespace, pool["metadata"]["name"])
            _wait(client, NODE_POOLS, key, wanted, deadline - time.monotonic())


def _wait(client: Client, resource: Resource, key: Key, wanted: tuple[str, ...], timeout: float) -> None:
    namespace, name = key
    deadline = time.monotonic() + timeout
    while True:
        found = client.get(resource, name, namespace) or {}
        missing = [each for each in wanted if (condition(found, each) or {}).get("status") != "True"]
        if not missing:
            return
        if time.monotonic() > deadline:
            told = "; ".join(f"{each}: {(condition(found, each) or {}).get('message', 'not told')}" for each in missing)
            raise TimeoutError(f"{resource.kind} {name}: {told}")
        time.sleep(_POLL_SECONDS)
