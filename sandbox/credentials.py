"""A management cluster's CA, its certificates and the kubeconfigs, as files."""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING

import yaml

from sandbox import pki

if TYPE_CHECKING:
    from collections.abc import Sequence
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
    issue(plan, authority, "apiserver", "kube-apiserver", names=(plan.api_address, *_NAMES))
    issue(plan, authority, "kubelet", "kubelet", names=(plan.kubelet_address,))
    _kubeconfig(plan.kubeconfig, plan, authority, "admin", plan.admin_token)
    _kubeconfig(plan.controllers_kubeconfig, plan, authority, "controllers", plan.controllers_token)
    return authority


def issue(
    plan: ManagementClusterPlan,
    authority: pki.KeyPair,
    name: str,
    common_name: str,
    *,
    names: Sequence[str] = (),
    organization: str | None = None,
) -> None:
    """Write `<pki>/<name>.crt` and `.key` unless they are there. `names`: DNS names and IP addresses to serve as."""
    if not (plan.pki / f"{name}.key").exists():
        _write(plan.pki, name, pki.issue(authority, common_name, names=names, organization=organization))


def server_context(plan: ManagementClusterPlan) -> ssl.SSLContext:
    """TLS of the API server."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(plan.pki / "apiserver.crt", plan.pki / "apiserver.key")
    return context


def _write(folder: Path, name: str, pair: pki.KeyPair) -> None:
    key = folder / f"{name}.key"
    (folder / f"{name}.crt").write_bytes(pair.certificate)
    key.touch(mode=0o600)
    key.write_bytes(pair.key)


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
