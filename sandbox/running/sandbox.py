"""Start everything in the right order; end it without a trace but the logs."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import boto3

from sandbox.assets import AssetsError
from sandbox.aws.deploy import DeployedStack, deploy
from sandbox.guest.seed import seed
from sandbox.node.isolation import detect
from sandbox.plan import DOMAIN, REGION, Plan
from sandbox.running.processes import ProcessDiedError, Processes
from sandbox.shape import Shape
from sandbox.world import create_hosted_clusters, prepare_aws, prepare_management_cluster, wait_until_available

HOSTED_CLUSTERS = ("blue", "blue-green")
_API_MODULES = {"emulated": "sandbox.kube", "real": "sandbox.envtest"}
_API_SECONDS, _UP_SECONDS = 120, 240
Progress = Callable[[str], None]


class SandboxError(Exception):
    """The sandbox did not come up."""


class Sandbox:
    """A context manager: inside it the sandbox is up.

    `run` is the folder of this sandbox (made here); `keep` leaves it, logs and volumes included. For the rest see
    `Plan.create`; `keys` is how many keys `blue` begins with.
    """

    def __init__(
        self,
        run: Path,
        *,
        keep: bool = False,
        isolation: str | None = None,
        kube: str = "emulated",
        cluster_api: tuple[str, str] = ("v1beta1", "v1beta1"),
        etcd: str | None = None,
        etcd_quotas: Mapping[str, int] | None = None,
        keys: int = 3000,
        shape: Shape | None = None,
        progress: Progress = lambda _: None,
    ) -> None:
        try:
            self.plan = Plan.create(
                run.resolve(),
                isolation=isolation or detect(),
                kube=kube,
                cluster_api=cluster_api,
                etcd=etcd,
                etcd_quotas=etcd_quotas,
                shape=shape,
            )
        except AssetsError as error:
            raise SandboxError(str(error)) from None
        self._keep = keep
        self._keys = keys
        self._progress = progress
        self._processes = Processes(self.plan.logs)
        self._stack: DeployedStack | None = None

    @property
    def stack(self) -> DeployedStack:
        if self._stack is None:
            raise SandboxError("the sandbox is not up")
        return self._stack

    def client(self, service: str) -> Any:
        """A boto3 client of the sandbox's AWS."""
        return boto3.client(
            service,
            endpoint_url=self.plan.aws_url,
            region_name=REGION,
            aws_access_key_id=self.plan.access_key_id,
            aws_secret_access_key=self.plan.secret_access_key,
        )

    def check(self) -> None:
        """Raise when a process of the tree died."""
        try:
            self._processes.check()
        except ProcessDiedError as error:
            raise SandboxError(str(error)) from None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException as error:
            self._processes.stop()
            if isinstance(error, ProcessDiedError):
                raise SandboxError(str(error)) from None
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.stop()
        if not self._keep:
            shutil.rmtree(self.plan.run, ignore_errors=True)

    def _start(self) -> None:
        plan, path = self.plan, str(self.plan.run / "plan.json")
        self._progress(
            f"sandbox in {plan.run} (127.{plan.octet}.0.0/16, isolation by {plan.isolation}, {plan.kube} API, "
            f"etcd {'3.6' if plan.etcd else '3.5'})"
        )
        self._processes.start("aws", "sandbox.aws", path)
        for cluster in plan.management_clusters:
            self._processes.start(f"{cluster.name}-api", _API_MODULES[plan.kube], path, cluster.name)
        for cluster in plan.management_clusters:
            self._processes.wait_for_file(cluster.folder / "api.ready", _API_SECONDS)
            self._processes.start(f"{cluster.name}-node", "sandbox.node", path, cluster.name)
        self._processes.wait_for_file(plan.run / "aws.ready", 60)
        self._progress("AWS and two Kubernetes APIs answer")
        prepare_aws(plan)
        for cluster in plan.management_clusters:
            prepare_management_cluster(plan, cluster)
            self._processes.start(f"{cluster.name}-controllers", "sandbox.controllers", path, cluster.name)
        with ThreadPoolExecutor(max_workers=1) as beside:
            deployed = beside.submit(self._deploy)
            create_hosted_clusters(plan)
            self._wait_available(deployed)
            self._stack = deployed.result()
        self._processes.start("guest", "sandbox.guest", path)
        self._wait_for_writes()
        self._progress("a client writes through the hosted API")

    def _deploy(self) -> DeployedStack:
        stack = deploy(self.plan, parameters=self._parameters())
        secrets = self.client("secretsmanager")
        for cluster, standby in zip(
            self.plan.management_clusters, reversed(self.plan.management_clusters), strict=True
        ):
            secrets.create_secret(
                Name=f"lifeboat/management-clusters/{cluster.name}",
                SecretString=json.dumps(
                    {
                        "kubeconfig": cluster.kubeconfig.read_text(encoding="utf-8"),
                        "region": REGION,
                        "kind": "openshift",
                        "standby": standby.name,
                    }
                ),
            )
        self._progress("template.yaml is deployed, both management clusters are registered")
        return stack

    def _parameters(self) -> dict[str, str]:
        """A signer of snapshot URLs only where a hosted cluster could take one. Its S3 is the one that speaks TLS."""
        if self.plan.shape.release == "4.17":
            return {}
        return {"SnapshotUrlSigner": "ENABLED", "SnapshotUrlEndpoint": self.plan.s3_tls_url}

    def _wait_available(self, deployed: Future[DeployedStack]) -> None:
        for name in HOSTED_CLUSTERS:
            deadline = time.monotonic() + _UP_SECONDS
            while True:
                self._processes.check()
                if deployed.done() and deployed.exception():
                    deployed.result()
                try:
                    wait_until_available(self.plan, name, 5)
                    break
                except TimeoutError as error:
                    if time.monotonic() > deadline:
                        msg = f"hosted cluster {name} did not become Available: {error}; logs: {self.plan.logs}"
                        raise SandboxError(msg) from None
            keys = self._keys if name == "blue" else self._keys // 10
            seed(self.plan, name, keys=keys, namespace=self.plan.shape.namespace_of(name))
            self._progress(f"hosted cluster {name} is Available on mgmt-1 and seeded")

    def _wait_for_writes(self) -> None:
        deadline = time.monotonic() + _UP_SECONDS
        path = self.plan.acknowledged_writes
        while not path.exists() or path.stat().st_size == 0:
            self._processes.check()
            if time.monotonic() > deadline:
                msg = f"no write through the hosted API was acknowledged; logs: {self.plan.logs}"
                raise SandboxError(msg)
            time.sleep(0.1)

    def describe(self) -> dict[str, Any]:
        """What the ready file says."""
        plan = self.plan
        return {
            "aws": {
                "endpoint_url": plan.aws_url,
                "region": REGION,
                "access_key_id": plan.access_key_id,
                "secret_access_key": plan.secret_access_key,
            },
            "management_clusters": {
                each.name: {"kubeconfig": str(each.kubeconfig)} for each in plan.management_clusters
            },
            "state_machines": dict(self.stack.state_machines),
            "bucket": self.stack.bucket,
            "event_bus": self.stack.event_bus,
            "hosted_api": {
                name: {
                    "url": f"https://api-{name}.{DOMAIN}:6443",
                    "ca": str(plan.run / "hosted" / name / "ca.crt"),
                    "resolver": plan.resolver,
                }
                for name in HOSTED_CLUSTERS
            },
            "acknowledged_writes": str(plan.acknowledged_writes),
        }
