"""The cluster's CA, its serving certificates and the kubeconfigs, as files."""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING

import yaml

from sandbox import pki

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.plan import ManagementClusterPlan

_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


def prepare(plan: ManagementClusterPlan) -> pki.KeyPair:
    """Write what is missing of ca, apiserver and kubelet (.crt, .key), and the kubeconfigs; return the CA."""
    plan.pki.mkdir(parents=True, exist_ok=True)
    if (plan.pki / "ca.key").exists():
        authority = pki.KeyPair((plan.pki / "ca.crt").read_bytes(), (plan.pki / "ca.key").read_bytes())
    else:
        authority = pki.create_authority(f"{plan.name}-ca")
        _write(plan.pki, "ca", authority)
    if not (plan.pki / "apiserver.key").exists():
        _write(plan.pki, "apiserver", pki.issue(authority, "kube-apiserver", names=(plan.api_address, *_NAMES)))
    if not (plan.pki / "kubelet.key").exists():
        _write(plan.pki, "kubelet", pki.issue(authority, "kubelet", names=(plan.kubelet_address,)))
    _kubeconfig(plan.kubeconfig, plan, authority, "admin", plan.admin_token)
    _kubeconfig(plan.controllers_kubeconfig, plan, authority, "controllers", plan.controllers_token)
    return authority


def server_context(plan: ManagementClusterPlan) -> ssl.SSLContext:
    """TLS of the API server."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(plan.pki / "apiserver.crt", plan.pki / "apiserver.key")
    return context


def _write(folder: Path, name: str, pair: pki.KeyPair) -> None:
    key = folder / f"{name}.key"
    key.touch(mode=0o600)
    key.write_bytes(pair.key)
    (folder / f"{name}.crt").write_bytes(pair.certificate)


def _kubeconfig(path: Path, plan: ManagementClusterPlan, authority: pki.KeyPair, user: str, token: str) -> None:
    cluster = {
        "server": plan.api_url,
        "certificate-authority-data": base64.b64encode(authority.certificate).decode(),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": plan.name, "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": plan.name, "context": {"cluster": plan.name, "user": user}}],
        "current-context": plan.name,
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
