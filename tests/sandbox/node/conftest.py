"""A node without an API: pods from hand-made specs, what they refer to from dictionaries."""

from __future__ import annotations

import asyncio
import base64
import socket
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox import pki
from sandbox.node import hosts, images, isolation
from sandbox.node.environment import ConfigError
from sandbox.node.pod import Node, PodWorker
from sandbox.plan import AWS_PORT, Plan

NAMESPACE = "clusters-blue"
ETCD_IMAGE = "registry.release.example.com/ocp/etcd:4.17.12"
ETCDCTL = [
    "/usr/bin/etcdctl",
    "--cacert",
    "/etc/etcd/tls/etcd-ca/ca.crt",
    "--cert",
    "/etc/etcd/tls/client/etcd-client.crt",
    "--key",
    "/etc/etcd/tls/client/etcd-client.key",
    "--endpoints=https://localhost:2379",
]


def secret(**files: bytes) -> dict[str, Any]:
    return {"kind": "Secret", "data": {name: base64.b64encode(data).decode() for name, data in files.items()}}


@dataclass
class Dictionary:
    """What pods refer to."""

    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    config_maps: dict[str, dict[str, Any]] = field(default_factory=dict)
    claims: dict[str, Path] = field(default_factory=dict)

    def secret(self, namespace: str, name: str) -> dict[str, Any] | None:
        return self.secrets.get(name)

    def config_map(self, namespace: str, name: str) -> dict[str, Any] | None:
        return self.config_maps.get(name)

    def claim_folder(self, namespace: str, claim: str) -> str:
        if claim not in self.claims:
            raise ConfigError(claim)
        return str(self.claims[claim])

    def token(self, pod: dict[str, Any], source: dict[str, Any]) -> str:
        return f"token of {pod['metadata']['name']} for {source.get('audience')}"

    def pull_secrets(self, pod: dict[str, Any]) -> list[dict[str, Any]]:
        names = [each["name"] for each in pod["spec"].get("imagePullSecrets", [])]
        return [self.secrets[name] for name in names if name in self.secrets]


PULL_SECRET = secret(**{".dockerconfigjson": b'{"auths": {"registry.release.example.com": {"auth": "YTpi"}}}'})


class Workbench:
    """Runs pods and remembers the last status of each."""

    def __init__(self, folder: Path, mode: str, etcd: Path | None = None) -> None:
        self.plan = Plan.create(folder / "run", isolation=mode)
        self.reserved = socket.create_server(
            (self.plan.aws_address, AWS_PORT)
        )  # no other sandbox takes these addresses
        self.cluster = self.plan.management_clusters[0]
        self.sources = Dictionary(secrets={"pull-secret": PULL_SECRET})
        self.status: dict[str, dict[str, Any]] = {}
        self.services: list[dict[str, Any]] = []
        self.pods: list[dict[str, Any]] = []  # as the API would show them
        self.workers: list[PodWorker] = []
        self.node = Node(
            folder=self.cluster.folder,
            image_root=images.build(self.cluster.folder / "images", etcd),
            isolation=mode,
            host_ip=self.cluster.kubelet_address,
            sources=self.sources,
            hosts=lambda pod, ip: hosts.render(pod, ip, self.services, self.pods),
            names=self.names,
            report=lambda pod, status: self.status.update({pod["metadata"]["name"]: status}),
        )

    def names(self, pod: dict[str, Any], ip: str) -> dict[str, str]:
        slot = self.plan.etcd_slot(NAMESPACE)
        return hosts.etcd_names(NAMESPACE, ip, [self.cluster.etcd_address(slot, n) for n in range(3)])

    def start(self, name: str, spec: dict[str, Any], address: str | None = None) -> PodWorker:
        spec = {"imagePullSecrets": [{"name": "pull-secret"}], **spec}
        pod = {"metadata": {"name": name, "namespace": NAMESPACE, "uid": str(uuid.uuid4())}, "spec": spec}
        worker = PodWorker(self.node, pod, address or f"{self.cluster.pod_networks()[0]}.{len(self.workers) + 10}")
        self.workers.append(worker)
        worker.start()
        return worker

    async def until(self, condition: Any, seconds: float = 60) -> None:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110  anything may change it
                await asyncio.sleep(0.02)

    async def until_ready(self, worker: PodWorker) -> None:
        await self.until(lambda: worker.state.ready)

    async def run(
        self, worker: PodWorker, *argv: str, stdin: bytes = b"", container: str | None = None
    ) -> tuple[int, str, str]:
        spec = worker.pod["spec"]["containers"][0]["name"]
        there = worker.container(container or spec)
        assert there is not None
        process = await there.execute(list(argv))
        out, err = await process.communicate(stdin)
        return process.returncode or 0, out.decode(), err.decode()

    def play(self, scenario: Coroutine[Any, Any, None]) -> None:
        """Run `scenario` to its end, and end all pods whatever happened."""

        async def played() -> None:
            try:
                await scenario
            finally:
                await asyncio.gather(*(worker.terminate(0) for worker in self.workers))

        try:
            asyncio.run(played())
        finally:
            self.reserved.close()

    def etcd(self, members: int = 3) -> list[PodWorker]:
        """The etcd of a hosted cluster, as its StatefulSet would have it."""
        slot = self.plan.etcd_slot(NAMESPACE)
        addresses = [self.cluster.etcd_address(slot, ordinal) for ordinal in range(members)]
        self._publish_etcd(addresses)
        self._etcd_certificates(addresses)
        return [self.start(f"etcd-{n}", self._etcd_spec(n, members), addresses[n]) for n in range(members)]

    def _publish_etcd(self, addresses: list[str]) -> None:
        self.services = [
            {"metadata": {"name": name}, "spec": {"selector": {"app": "etcd"}, "publishNotReadyAddresses": True}}
            for name in ("etcd-discovery", "etcd-client")
        ]
        self.pods = [
            {"metadata": {"name": f"etcd-{n}", "labels": {"app": "etcd"}}, "spec": {}, "status": {"podIP": address}}
            for n, address in enumerate(addresses)
        ]

    def _etcd_certificates(self, addresses: list[str]) -> None:
        authority = pki.create_authority("etcd-signer")
        names = [f"*.etcd-discovery.{NAMESPACE}.svc", f"*.etcd-client.{NAMESPACE}.svc", "etcd-client", "localhost"]
        for kind in ("server", "peer", "client"):
            pair = pki.issue(authority, f"etcd-{kind}", names=[*names, *addresses, "127.0.0.1"])
            self.sources.secrets[f"etcd-{kind}-tls"] = secret(
                **{f"{'etcd-client' if kind == 'client' else kind}.crt": pair.certificate,
                   f"{'etcd-client' if kind == 'client' else kind}.key": pair.key}
            )  # fmt: skip
        self.sources.config_maps["etcd-ca"] = {"kind": "ConfigMap", "data": {"ca.crt": authority.certificate.decode()}}

    def _etcd_spec(self, ordinal: int, members: int) -> dict[str, Any]:
        claim = f"data-etcd-{ordinal}"
        self.sources.claims[claim] = self.cluster.folder / "volumes" / claim
        self.sources.claims[claim].mkdir(parents=True, exist_ok=True)
        peers = ",".join(f"etcd-{n}=https://etcd-{n}.etcd-discovery.{NAMESPACE}.svc:2380" for n in range(members))
        tls = "/etc/etcd/tls"
        script = f"""
/usr/bin/etcd \\
--data-dir=/var/lib/data \\
--name=${{HOSTNAME}} \\
--initial-advertise-peer-urls=https://${{HOSTNAME}}.etcd-discovery.${{NAMESPACE}}.svc:2380 \\
--listen-peer-urls=https://${{POD_IP}}:2380 \\
--listen-client-urls=https://${{POD_IP}}:2379,https://localhost:2379 \\
--advertise-client-urls=https://${{HOSTNAME}}.etcd-client.${{NAMESPACE}}.svc:2379 \\
--initial-cluster={peers} --initial-cluster-state=new --initial-cluster-token=etcd-cluster \\
--unsafe-no-fsync --log-level=warn --auto-compaction-mode=periodic --auto-compaction-retention=5m \\
--peer-client-cert-auth=true --peer-trusted-ca-file={tls}/etcd-ca/ca.crt \\
--peer-cert-file={tls}/peer/peer.crt --peer-key-file={tls}/peer/peer.key \\
--client-cert-auth=true --trusted-ca-file={tls}/etcd-ca/ca.crt \\
--cert-file={tls}/server/server.crt --key-file={tls}/server/server.key
"""
        mounts = {"data": "/var/lib", "server-tls": f"{tls}/server", "peer-tls": f"{tls}/peer",
                  "client-tls": f"{tls}/client", "etcd-ca": f"{tls}/etcd-ca"}  # fmt: skip
        reference = [("POD_IP", "status.podIP"), ("NAMESPACE", "metadata.namespace")]
        return {
            "containers": [
                {
                    "name": "etcd",
                    "image": ETCD_IMAGE,
                    "command": ["/bin/sh", "-c", script],
                    "env": [{"name": k, "valueFrom": {"fieldRef": {"fieldPath": v}}} for k, v in reference],
                    "volumeMounts": [{"name": name, "mountPath": path} for name, path in mounts.items()],
                    "readinessProbe": {"exec": {"command": [*ETCDCTL, "endpoint", "health"]}, "timeoutSeconds": 5},
                },
                {"name": "healthz", "image": "registry.release.example.com/ocp/control-plane-operator:4.17.12"},
            ],
            "volumes": [
                {"name": "data", "persistentVolumeClaim": {"claimName": claim}},
                *(
                    {"name": f"{k}-tls", "secret": {"secretName": f"etcd-{k}-tls"}}
                    for k in ("server", "peer", "client")
                ),
                {"name": "etcd-ca", "configMap": {"name": "etcd-ca"}},
            ],
        }


@pytest.fixture(params=["namespaces", "rewrite"])
def mode(request: pytest.FixtureRequest) -> str:
    """Both ways of keeping pods apart; the better one where the machine has it."""
    if request.param == "namespaces" and isolation.detect() != "namespaces":
        pytest.skip("this machine refuses user namespaces")
    return str(request.param)


@pytest.fixture
def workbench(tmp_path: Path, mode: str) -> Workbench:
    return Workbench(tmp_path, mode)
