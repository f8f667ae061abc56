"""Where everything of one running sandbox lives: folders, loopback addresses, names, tokens.

One sandbox owns one 127.A.0.0/16 (every address of 127.0.0.0/8 is usable on Linux without configuration), so
that real ports can be used verbatim (etcd 2379, hosted API 6443) and several sandboxes run side by side.

    127.A.0.1            AWS endpoint (every service)          port 4566
    127.A.0.2            DNS resolver (UDP and TCP)            port 5353
    127.A.0.3            S3, without the way through 127.A.0.1   port 4566
    127.A.i.1            Kubernetes API of management cluster i (1, 2, ...)   port 6443
    127.A.i.2            kubelet of its nodes                  port 10250
    127.A.i.3            etcd of a real Kubernetes API         ports 2379, 2380
    127.A.i.4            webhooks of the simulated operator    port 9443
    127.A.(16i+0..3).x   pods
    127.A.(16i+4..7).x   etcd pods: four addresses a namespace, see `etcd_address`
    127.A.(16i+8..11).x  load balancers
"""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox import assets
from sandbox.shape import Shape

AWS_PORT, DNS_PORT, API_PORT, KUBELET_PORT, WEBHOOK_PORT = 4566, 5353, 6443, 10250, 9443
S3_TLS_PORT = 4567
REGION = "us-east-2"
ACCOUNT_ID = "123456789012"
ZONES = ("us-east-2a", "us-east-2b", "us-east-2c")
DOMAIN = "hosted.example.com"
RELEASE_REGISTRY = "registry.release.example.com"
ETCD_SLOTS = 256


@dataclass(frozen=True)
class ManagementClusterPlan:
    """One management cluster of the sandbox."""

    name: str
    index: int
    octet: int
    folder: Path
    admin_token: str
    controllers_token: str
    kubelet_token: str
    viewer_token: str  # a user without rights of its own, see sandbox/users
    operator_replicas: int
    external_dns_owner_id: str
    cluster_api: str  # v1beta1 | v1beta2: the version of Cluster API that is stored

    @property
    def api_address(self) -> str:
        return f"127.{self.octet}.{self.index}.1"

    @property
    def api_url(self) -> str:
        return f"https://{self.api_address}:{API_PORT}"

    @property
    def kubelet_address(self) -> str:
        return f"127.{self.octet}.{self.index}.2"

    @property
    def api_etcd_address(self) -> str:
        return f"127.{self.octet}.{self.index}.3"

    @property
    def webhook_url(self) -> str:
        """Where the simulated operator answers webhooks, while a pod of it is ready."""
        return f"https://127.{self.octet}.{self.index}.4:{WEBHOOK_PORT}"

    @property
    def kubelet_socket(self) -> Path:
        """Where the kubelet takes what a real exec server hands it."""
        return self.folder / "kubelet.sock"

    @property
    def kubeconfig(self) -> Path:
        """Kubeconfig of the administrator (token and CA inline)."""
        return self.folder / "kubeconfig"

    @property
    def controllers_kubeconfig(self) -> Path:
        """Kubeconfig of the simulated controllers."""
        return self.folder / "controllers.kubeconfig"

    @property
    def pki(self) -> Path:
        """Folder with ca.crt, ca.key, apiserver.crt, apiserver.key, kubelet.crt, kubelet.key (PEM)."""
        return self.folder / "pki"

    def pod_networks(self) -> list[str]:
        return [f"127.{self.octet}.{16 * self.index + n}" for n in range(4)]

    def load_balancer_networks(self) -> list[str]:
        return [f"127.{self.octet}.{16 * self.index + n}" for n in range(8, 12)]

    def etcd_address(self, slot: int, ordinal: int) -> str:
        return f"127.{self.octet}.{16 * self.index + 4 + slot // 64}.{4 * (slot % 64) + ordinal}"


@dataclass(frozen=True)
class Plan:
    """One sandbox. Written to `<run>/plan.json`; every process of the tree reads it from there."""

    run: Path
    octet: int
    access_key_id: str
    secret_access_key: str
    management_clusters: tuple[ManagementClusterPlan, ...]
    isolation: str  # namespaces | rewrite, see sandbox/node
    kube: str  # emulated | real, see docs/decisions/0003
    programs: dict[str, str]  # Kubernetes' own, see sandbox/assets; empty for the emulated API
    crds: str | None  # a folder with published definitions instead of the sandbox's own
    etcd: str | None  # a folder with the hosted clusters' etcd 3.6 instead of the 3.5 of PyPI
    etcd_quotas: dict[str, int]  # bytes of etcd's quota, by hosted cluster; 8 GiB where none is named
    shape: Shape  # what hosted cluster `blue` is like

    @property
    def aws_address(self) -> str:
        return f"127.{self.octet}.0.1"

    @property
    def aws_url(self) -> str:
        return f"http://{self.aws_address}:{AWS_PORT}"

    @property
    def s3_address(self) -> str:
        return f"127.{self.octet}.0.3"

    @property
    def s3_url(self) -> str:
        """S3 alone. `aws_url` answers for it as well, a little slower."""
        return f"http://{self.s3_address}:{AWS_PORT}"

    @property
    def s3_tls_url(self) -> str:
        """S3 by TLS, for those who insist on it; its certificate is of `s3_authority`."""
        return f"https://{self.s3_address}:{S3_TLS_PORT}"

    @property
    def s3_authority(self) -> Path:
        """PEM of the one who issued S3's certificate; S3 writes it before it listens."""
        return self.run / "s3-ca.crt"

    @property
    def resolver(self) -> str:
        """`address:port` of the DNS server that answers from Route53."""
        return f"127.{self.octet}.0.2:{DNS_PORT}"

    @property
    def logs(self) -> Path:
        return self.run / "logs"

    @property
    def aws_calls(self) -> Path:
        """JSON lines, one per AWS API call: time, service, action, principal, and what it was about."""
        return self.run / "aws-calls.jsonl"

    @property
    def acknowledged_writes(self) -> Path:
        return self.run / "acknowledged-writes.jsonl"

    def management_cluster(self, name: str) -> ManagementClusterPlan:
        return next(each for each in self.management_clusters if each.name == name)

    def etcd_slot(self, namespace: str) -> int:
        """The slot of addresses for the etcd of one control-plane namespace, the same on every management cluster."""
        slots = self.run / "etcd-slots"
        slots.mkdir(exist_ok=True)
        for slot in range(ETCD_SLOTS):
            try:
                with (slots / str(slot)).open("x", encoding="utf-8") as new:
                    new.write(namespace)
            except FileExistsError:
                if (slots / str(slot)).read_text(encoding="utf-8") != namespace:
                    continue
            return slot
        msg = f"more than {ETCD_SLOTS} control-plane namespaces in one sandbox"
        raise RuntimeError(msg)

    def save(self) -> Path:
        path = self.run / "plan.json"
        path.write_text(json.dumps(dataclasses.asdict(self), default=str, indent=1), encoding="utf-8")
        path.chmod(0o600)
        return path

    @classmethod
    def load(cls, path: Path) -> Plan:
        data = json.loads(path.read_text(encoding="utf-8"))
        data["run"] = Path(data["run"])
        data["shape"] = Shape(**data["shape"])
        data["management_clusters"] = tuple(
            ManagementClusterPlan(**{**each, "folder": Path(each["folder"])}) for each in data["management_clusters"]
        )
        return cls(**data)

    @classmethod
    def create(
        cls,
        run: Path,
        *,
        isolation: str,
        kube: str = "emulated",
        cluster_api: tuple[str, str] = ("v1beta1", "v1beta1"),
        etcd: str | None = None,
        etcd_quotas: Mapping[str, int] | None = None,
        shape: Shape | None = None,
    ) -> Plan:
        """Choose a free 127.A.0.0/16 and lay out the folders of a new sandbox.

        `cluster_api` is the version that each management cluster stores; `etcd` (3.5 | 3.6) that of the hosted
        clusters' etcd, by default 3.6 with a real API and 3.5 with the emulated one; `etcd_quotas` makes the etcd of
        hosted clusters small. Raises AssetsError where a program or a definition is missing.
        """
        programs = assets.find() if kube == "real" else {}
        newer = (etcd or ("3.6" if kube == "real" else "3.5")) == "3.6"
        etcd_folder = assets.etcd() if newer else None
        crds = assets.definitions()
        run.mkdir(parents=True, exist_ok=True)
        run.chmod(0o700)
        octet = _free_octet()
        clusters = []
        for index, (name, replicas) in enumerate((("mgmt-1", 2), ("mgmt-2", 1)), start=1):
            folder = run / name
            (folder / "pki").mkdir(parents=True, exist_ok=True)
            clusters.append(
                ManagementClusterPlan(
                    name=name,
                    index=index,
                    octet=octet,
                    folder=folder,
                    admin_token=secrets.token_urlsafe(24),
                    controllers_token=secrets.token_urlsafe(24),
                    kubelet_token=secrets.token_urlsafe(24),
                    viewer_token=secrets.token_urlsafe(24),
                    operator_replicas=replicas,
                    external_dns_owner_id=f"owner-{name}",
                    cluster_api=cluster_api[index - 1],
                )
            )
        plan = cls(
            run=run,
            octet=octet,
            access_key_id="AKIASANDBOX" + secrets.token_hex(4).upper(),
            secret_access_key=secrets.token_urlsafe(30),
            management_clusters=tuple(clusters),
            isolation=isolation,
            kube=kube,
            programs=programs,
            crds=crds,
            etcd=etcd_folder,
            etcd_quotas=dict(etcd_quotas or {}),
            shape=shape or Shape(),
        )
        plan.logs.mkdir(exist_ok=True)
        plan.save()
        return plan


_FIRST_OCTET, _LAST_OCTET = 16, 250


def _free_octet() -> int:
    """A network that no other sandbox on this machine has, ours until this process ends.

    The name of an abstract socket is the lock: the kernel gives it to one process and takes it back at its end.
    """
    count = _LAST_OCTET - _FIRST_OCTET
    start = os.getpid() % count
    for offset in range(count):
        octet = _FIRST_OCTET + (start + offset) % count
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                lock.bind(f"\0lifeboat-sandbox-{octet}")
                probe.bind((f"127.{octet}.0.1", AWS_PORT))  # an orphan of a killed sandbox may still listen
            except OSError:
                lock.close()
                continue
        lock.detach()  # open, and never closed by us
        return octet
    msg = f"no free loopback network: {count} sandboxes are running already"
    raise RuntimeError(msg)
