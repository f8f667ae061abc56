"""What the programs of a real API read: certificates, the token file, the audit policy, a kubeconfig."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sandbox import credentials, users

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.plan import ManagementClusterPlan

ETCD, ETCD_CLIENT, KUBELET_CLIENT, SERVICE_ACCOUNTS = "etcd", "apiserver-etcd-client", "apiserver-kubelet-client", "sa"
_MANAGER = "controller-manager"
# Never a body: Secrets would be in it. Left out is what runs by itself and tells nothing about who did what.
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version"]},
        {"level": "None", "users": ["system:apiserver"]},
        {"level": "None", "verbs": ["get", "list", "watch"], "users": ["system:kube-controller-manager"]},
        {
            "level": "None",
            "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}, {"resources": ["events"]}],
        },
        {"level": "Metadata"},
    ],
}


def tokens(cluster: ManagementClusterPlan) -> Path:
    return cluster.folder / "tokens.csv"


def audit_policy(cluster: ManagementClusterPlan) -> Path:
    return cluster.folder / "audit-policy.json"


def manager_kubeconfig(cluster: ManagementClusterPlan) -> Path:
    """Of kube-controller-manager: an administrator by certificate, under the name that it has everywhere."""
    return cluster.folder / f"{_MANAGER}.kubeconfig"


def prepare(cluster: ManagementClusterPlan) -> None:
    """Write all of them, and what `sandbox.credentials` writes."""
    authority = credentials.prepare(cluster)
    credentials.issue(cluster, authority, ETCD, "etcd", names=(cluster.api_etcd_address,))
    credentials.issue(cluster, authority, ETCD_CLIENT, "kube-apiserver-etcd-client")
    credentials.issue(cluster, authority, KUBELET_CLIENT, "kube-apiserver-kubelet-client")
    credentials.issue(cluster, authority, SERVICE_ACCOUNTS, "service accounts")
    credentials.issue(cluster, authority, _MANAGER, "system:kube-controller-manager", organization=users.ADMINISTRATORS)
    _write(tokens(cluster), users.token_file(cluster))
    _write(audit_policy(cluster), json.dumps(_AUDIT_POLICY))
    _write(manager_kubeconfig(cluster), json.dumps(_kubeconfig(cluster)))


def _kubeconfig(cluster: ManagementClusterPlan) -> dict[str, object]:
    pki = cluster.pki
    user = {"client-certificate": str(pki / f"{_MANAGER}.crt"), "client-key": str(pki / f"{_MANAGER}.key")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": cluster.name,
                "cluster": {"server": cluster.api_url, "certificate-authority": str(pki / "ca.crt")},
            }
        ],
        "users": [{"name": _MANAGER, "user": user}],
        "contexts": [{"name": cluster.name, "context": {"cluster": cluster.name, "user": _MANAGER}}],
        "current-context": cluster.name,
    }


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
