"""The secrets that are a hosted cluster's identity: authorities, certificates, signing key, kubeconfigs.

What is there stays as it is. What is missing is made anew, with a NEW identity: a control plane whose secrets were not
brought along comes up as another cluster, which neither nodes nor clients trust.
"""

from __future__ import annotations

import base64
import functools
import secrets
from typing import TYPE_CHECKING

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.client import CONFIG_MAPS, SECRETS
from sandbox.hypershift.names import host_of, is_private, private_host
from sandbox.objects import digest, owner_reference
from sandbox.pki import KeyPair, create_authority, issue
from sandbox.plan import API_PORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.client import Object
    from sandbox.hypershift.writer import Writer
    from sandbox.plan import Plan

SIGNERS = (
    "root-ca",
    "etcd-signer",
    "etcd-metrics-signer",
    "admin-kubeconfig-signer",
    "aggregator-client-signer",
    "cluster-signer-ca",
    "konnectivity-signer",
    "kube-control-plane-signer",
    "ignition-server-ca-cert",
)


class Identity:
    """Keeps the secrets and CA bundles of one hosted control plane complete."""

    def __init__(self, plan: Plan, writer: Writer, control_plane: Object) -> None:
        self._plan = plan
        self._writer = writer
        self._control_plane = control_plane
        self._namespace: str = control_plane["metadata"]["namespace"]

    def ensure(self) -> None:
        """Make what is missing; give what is there its owner."""
        for signer in SIGNERS:
            self._secret(signer, functools.partial(_authority, signer))
        self._secret("sa-signing-key", _signing_key)
        self._etcd()
        host = host_of(self._control_plane["spec"], "APIServer") or f"kube-apiserver.{self._namespace}.svc"
        private = private_host(self._control_plane["metadata"]["name"])
        by_endpoint = is_private(self._control_plane["spec"])
        own = [host, "localhost", "kube-apiserver", "kubernetes", "kubernetes.default.svc"]
        own += [private] if by_endpoint else []
        own += [f"kube-apiserver.{self._namespace}.svc", f"kube-apiserver.{self._namespace}.svc.cluster.local"]
        self._certificate("kas-server-crt", "root-ca", "kubernetes", own)
        self._certificate(
            "ignition-server", "ignition-server-ca-cert", "ignition", [host_of_ignition(self._control_plane)]
        )
        self._certificate(
            "oauth-openshift-serving-cert", "root-ca", "oauth-openshift", [f"oauth-openshift.{self._namespace}.svc"]
        )
        self._certificate("system-admin-client", "admin-kubeconfig-signer", "system:admin", [], "system:masters")
        internal = f"https://kube-apiserver.{self._namespace}.svc:{API_PORT}"
        self._secret("admin-kubeconfig", lambda: self._kubeconfig(f"https://{host}:{API_PORT}"))
        nodes = private if by_endpoint else host
        self._secret("bootstrap-kubeconfig", lambda: self._kubeconfig(f"https://{nodes}:{API_PORT}"))
        self._secret("localhost-kubeconfig", lambda: self._kubeconfig(f"https://localhost:{API_PORT}"))
        self._secret("service-network-admin-kubeconfig", lambda: self._kubeconfig(internal))
        self._secret("kubeadmin-password", lambda: {"password": secrets.token_urlsafe(17).encode()})
        self._secret("oauth-openshift-session", lambda: {"v4-0-config-system-session": secrets.token_bytes(32)})
        self._service_account_tokens()
        self._config_map("root-ca", "root-ca", "ca.crt")
        self._config_map("etcd-ca", "etcd-signer", "ca.crt")
        self._config_map("etcd-metrics-ca", "etcd-metrics-signer", "ca.crt")
        self._config_map("client-ca", "admin-kubeconfig-signer", "ca.crt")

    def _etcd(self) -> None:
        namespace = self._namespace
        slot = self._plan.etcd_slot(namespace)
        # Every member's address on every management cluster: where host names cannot be given to a pod, addresses are
        # used in their place, and a certificate that was brought along has to hold there as well.
        addresses = [
            cluster.etcd_address(slot, ordinal) for cluster in self._plan.management_clusters for ordinal in range(4)
        ]
        common = ["localhost", "127.0.0.1", *addresses]
        client = [f"etcd-client.{namespace}.svc", f"etcd-client.{namespace}.svc.cluster.local", "etcd-client"]
        client += [f"*.etcd-client.{namespace}.svc", f"*.etcd-client.{namespace}.svc.cluster.local"]
        peer = [f"*.etcd-discovery.{namespace}.svc", f"*.etcd-discovery.{namespace}.svc.cluster.local"]
        self._certificate("etcd-server-tls", "etcd-signer", "etcd-server", client + peer + common, prefix="server")
        self._certificate("etcd-peer-tls", "etcd-signer", "etcd-discovery", peer + common, prefix="peer")
        self._certificate("etcd-client-tls", "etcd-signer", "etcd-client", [], prefix="etcd-client")
        self._certificate(
            "etcd-metrics-client-tls", "etcd-metrics-signer", "etcd-metrics-client", [], prefix="etcd-client"
        )

    def _service_account_tokens(self) -> None:
        """What a management cluster makes for each service account; worth nothing on another one."""
        suffix = digest([self._namespace, self._control_plane["metadata"]["uid"]], 5)
        account = {"kubernetes.io/service-account.name": "default"}
        token = {"token": secrets.token_urlsafe(24).encode()}
        self._secret(f"default-token-{suffix}", lambda: token, "kubernetes.io/service-account-token", account)
        self._secret(f"default-dockercfg-{suffix}", lambda: {".dockercfg": b"{}"}, "kubernetes.io/dockercfg", account)

    def _certificate(
        self,
        name: str,
        signer: str,
        common_name: str,
        names: list[str],
        organization: str | None = None,
        prefix: str = "tls",
    ) -> None:
        def make() -> dict[str, bytes]:
            pair = issue(self._authority(signer), common_name, names=names, organization=organization)
            return {f"{prefix}.crt": pair.certificate, f"{prefix}.key": pair.key}

        self._secret(name, make, "kubernetes.io/tls" if prefix == "tls" else "Opaque")

    def _kubeconfig(self, server: str) -> dict[str, bytes]:
        client = self._data("system-admin-client")
        return {
            "kubeconfig": yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [
                        {
                            "name": "cluster",
                            "cluster": {
                                "server": server,
                                "certificate-authority-data": _text(self._data("root-ca")["ca.crt"]),
                            },
                        }
                    ],
                    "users": [
                        {
                            "name": "admin",
                            "user": {
                                "client-certificate-data": _text(client["tls.crt"]),
                                "client-key-data": _text(client["tls.key"]),
                            },
                        }
                    ],
                    "contexts": [{"name": "admin", "context": {"cluster": "cluster", "user": "admin"}}],
                    "current-context": "admin",
                }
            ).encode()
        }

    def _authority(self, signer: str) -> KeyPair:
        data = self._data(signer)
        return KeyPair(data["ca.crt"], data["ca.key"])

    def _data(self, name: str) -> dict[str, bytes]:
        secret = self._writer.client.get(SECRETS, name, self._namespace)
        if secret is None:
            raise LookupError(f"secret {self._namespace}/{name} vanished")
        return {key: base64.b64decode(value) for key, value in secret["data"].items()}

    def _secret(
        self,
        name: str,
        make: Callable[[], dict[str, bytes]],
        kind: str = "Opaque",
        annotations: Object | None = None,
    ) -> None:
        metadata: Object = {
            "name": name,
            "namespace": self._namespace,
            "ownerReferences": [owner_reference(self._control_plane)],
        }
        present = self._writer.get(SECRETS, name, self._namespace)
        if present is None:
            present = self._writer.client.get(SECRETS, name, self._namespace)
        if present is not None:
            self._writer.ensure(SECRETS, {"metadata": metadata})
            return
        data = {key: _text(value) for key, value in make().items()}
        metadata |= {"annotations": annotations or {}}
        self._writer.client.create(SECRETS, {"metadata": metadata, "type": kind, "data": data})

    def _config_map(self, name: str, signer: str, key: str) -> None:
        if self._writer.get(CONFIG_MAPS, name, self._namespace) is None:
            bundle = self._data(signer)["ca.crt"].decode()
            metadata: Object = {"name": name, "namespace": self._namespace}
            metadata |= {"ownerReferences": [owner_reference(self._control_plane)]}
            self._writer.ensure(CONFIG_MAPS, {"metadata": metadata, "data": {key: bundle}})


def host_of_ignition(control_plane: Object) -> str:
    """The public name of the ignition server, or the name of its Service."""
    namespace = control_plane["metadata"]["namespace"]
    return host_of(control_plane["spec"], "Ignition") or f"ignition-server.{namespace}.svc"


def _authority(name: str) -> dict[str, bytes]:
    pair = create_authority(name)
    return {"ca.crt": pair.certificate, "ca.key": pair.key, "tls.crt": pair.certificate, "tls.key": pair.key}


def _signing_key() -> dict[str, bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"service-account.key": private, "service-account.pub": public}


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
