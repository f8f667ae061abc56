"""Lifeboat's own adapters on a backend."""

from __future__ import annotations

import json

from lifeboat.adapters.kube import KubernetesCluster
from tests.contract.backends import Backend


def kubeconfig_of(backend: Backend, token: str) -> str:
    """As it is kept for Lifeboat: everything inline."""
    cluster = backend.cluster
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "c",
                    "cluster": {"server": cluster.api_url, "certificate-authority": str(cluster.pki / "ca.crt")},
                }
            ],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    )


_open: list[KubernetesCluster] = []


def lifeboat_on(backend: Backend, token: str = "") -> KubernetesCluster:
    """Lifeboat's way to a backend's API, as its administrator unless `token` says otherwise."""
    return connect(kubeconfig_of(backend, token or backend.cluster.admin_token))


def connect(kubeconfig: str) -> KubernetesCluster:
    cluster = KubernetesCluster.from_kubeconfig("mgmt-1", kubeconfig)
    _open.append(cluster)
    return cluster


def close_all() -> None:
    """Close the connections of all that were made; the adapter keeps its own as long as its process lives."""
    for cluster in _open:
        cluster._api.rest_client.pool_manager.clear()
    _open.clear()
