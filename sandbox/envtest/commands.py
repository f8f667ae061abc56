"""The command lines of a real API's programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.envtest import files
from sandbox.plan import API_PORT

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.plan import ManagementClusterPlan, Plan

_ETCD_PORT, _ETCD_PEER_PORT = 2379, 2380
_SERVICES = "172.30.0.0/16"
# The first three: addresses of a sandbox are loopback ones, which a real API refuses in Endpoints (see
# docs/decisions/0003). Then what belongs to a cloud, to attached volumes or to certificates, of which there are none.
_WITHOUT = (
    "endpoints-controller",
    "endpointslice-controller",
    "endpointslice-mirroring-controller",
    "cloud-node-lifecycle-controller",
    "service-lb-controller",
    "node-ipam-controller",
    "node-route-controller",
    "persistentvolume-attach-detach-controller",
    "persistentvolume-expander-controller",
    "certificatesigningrequest-approving-controller",
    "certificatesigningrequest-cleaner-controller",
    "certificatesigningrequest-signing-controller",
    "horizontal-pod-autoscaler-controller",
    "ttl-controller",
)


def etcd(plan: Plan, cluster: ManagementClusterPlan) -> list[str]:
    """One member. Without fsync: a sandbox does not outlive its machine."""
    clients = f"https://{cluster.api_etcd_address}:{_ETCD_PORT}"
    peers = f"https://{cluster.api_etcd_address}:{_ETCD_PEER_PORT}"
    certificate, key = _pair(cluster, files.ETCD)
    authority = cluster.pki / "ca.crt"
    return [
        plan.programs["etcd"],
        f"--name={cluster.name}",
        f"--data-dir={cluster.folder / 'api-etcd'}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster={cluster.name}={peers}",
        *(f"--{side}cert-file={certificate}" for side in ("", "peer-")),
        *(f"--{side}key-file={key}" for side in ("", "peer-")),
        *(f"--{side}trusted-ca-file={authority}" for side in ("", "peer-")),
        *(f"--{side}client-cert-auth" for side in ("", "peer-")),
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def api_server(plan: Plan, cluster: ManagementClusterPlan) -> list[str]:
    pki, authority = cluster.pki, cluster.pki / "ca.crt"
    etcd_certificate, etcd_key = _pair(cluster, files.ETCD_CLIENT)
    kubelet_certificate, kubelet_key = _pair(cluster, files.KUBELET_CLIENT)
    certificate, key = _pair(cluster, "apiserver")
    return [
        plan.programs["kube-apiserver"],
        f"--bind-address={cluster.api_address}",
        f"--advertise-address={cluster.api_address}",
        f"--secure-port={API_PORT}",
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
        f"--client-ca-file={authority}",
        f"--token-auth-file={files.tokens(cluster)}",
        "--authorization-mode=Node,RBAC",
        f"--etcd-servers=https://{cluster.api_etcd_address}:{_ETCD_PORT}",
        f"--etcd-cafile={authority}",
        f"--etcd-certfile={etcd_certificate}",
        f"--etcd-keyfile={etcd_key}",
        f"--kubelet-certificate-authority={authority}",
        f"--kubelet-client-certificate={kubelet_certificate}",
        f"--kubelet-client-key={kubelet_key}",
        "--kubelet-preferred-address-types=InternalIP",
        "--endpoint-reconciler-type=none",
        f"--service-cluster-ip-range={_SERVICES}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki / f'{files.SERVICE_ACCOUNTS}.crt'}",
        f"--service-account-signing-key-file={pki / f'{files.SERVICE_ACCOUNTS}.key'}",
        f"--audit-policy-file={files.audit_policy(cluster)}",
        f"--audit-log-path={plan.logs / f'{cluster.name}-audit.jsonl'}",
        "--audit-log-maxsize=0",
        "--allow-privileged",
        "--profiling=false",
    ]


def controller_manager(plan: Plan, cluster: ManagementClusterPlan) -> list[str]:
    """Everything but what `_WITHOUT` names. Quick: nobody else asks this API, and a sandbox shall not wait."""
    return [
        plan.programs["kube-controller-manager"],
        f"--kubeconfig={files.manager_kubeconfig(cluster)}",
        f"--controllers=*,{','.join(f'-{name}' for name in _WITHOUT)}",
        f"--root-ca-file={cluster.pki / 'ca.crt'}",
        f"--service-account-private-key-file={cluster.pki / f'{files.SERVICE_ACCOUNTS}.key'}",
        f"--service-cluster-ip-range={_SERVICES}",
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--pvclaimbinder-sync-period=2s",
        "--profiling=false",
    ]


def _pair(cluster: ManagementClusterPlan, name: str) -> tuple[Path, Path]:
    return cluster.pki / f"{name}.crt", cluster.pki / f"{name}.key"
