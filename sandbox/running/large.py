"""A sandbox whose only hosted cluster is a large one: its objects, and an etcd of three members that really run.

One management cluster, whose scheduler, volumes and workloads are at work, but neither HyperShift nor Cluster API:
they would make machines and write other status. So it can be backed up online, and neither paused nor moved.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.client import HOSTED_CONTROL_PLANES, SECRETS, SERVICES, STATEFUL_SETS, Client, shared_client
from sandbox.controllers.context import Context
from sandbox.guest.seed import seed as fill
from sandbox.hypershift.etcd import etcd_services, etcd_stateful_set
from sandbox.hypershift.identity import Identity
from sandbox.hypershift.release import VERSION
from sandbox.hypershift.writer import Writer
from sandbox.informer import Informers
from sandbox.objects import ensure, status_of
from sandbox.plan import RELEASE_REGISTRY
from sandbox.running.sandbox import Sandbox, SandboxError
from sandbox.world import prepare_aws, prepare_management_cluster
from sandbox.world.large import LargeSeed, create_large

if TYPE_CHECKING:
    from sandbox.client import Object, Resource

_API_MODULES = {"emulated": "sandbox.kube", "real": "sandbox.envtest"}
_SECONDS = 120
_MEMBERS = 3
_KEYS = 1500


class LargeSandbox(Sandbox):
    """A context manager like `Sandbox`; `made` counts the objects of the hosted cluster by plural."""

    def __init__(self, run: Path, *, kube: str = "emulated", seed: LargeSeed | None = None) -> None:
        super().__init__(run, kube=kube)
        self.plan = dataclasses.replace(self.plan, management_clusters=self.plan.management_clusters[:1])
        self.plan.save()
        self.seed = seed or LargeSeed()
        self.made: dict[str, int] = {}

    def _start(self) -> None:
        plan, path = self.plan, str(self.plan.run / "plan.json")
        (home,) = plan.management_clusters
        self._processes.start("aws", "sandbox.aws", path)
        self._processes.start(f"{home.name}-api", _API_MODULES[plan.kube], path, home.name)
        self._processes.wait_for_file(home.folder / "api.ready", _SECONDS)
        self._processes.start(f"{home.name}-node", "sandbox.node", path, home.name)
        self._processes.wait_for_file(plan.run / "aws.ready", _SECONDS)
        prepare_aws(plan)
        prepare_management_cluster(plan, home)
        self._processes.start(f"{home.name}-controllers", "sandbox.controllers", path, home.name, "--bare")
        self._stack = self._deploy()
        client = shared_client(home.controllers_kubeconfig)
        self.made = create_large(client, self.seed)
        self._run_etcd(client)

    def _run_etcd(self, client: Client) -> None:
        """What control-plane-operator makes for etcd, certificates included. Returns once it has keys."""
        namespace = self.seed.control_plane_namespace
        control_plane = client.get(HOSTED_CONTROL_PLANES, self.seed.name, namespace)
        assert control_plane is not None
        ensure(client, SECRETS, _pull_secret(namespace))
        context = Context(self.plan, self.plan.management_clusters[0], client, Informers(client))
        Identity(self.plan, _Direct(context), control_plane).ensure()
        for service in etcd_services(control_plane):
            ensure(client, SERVICES, service)
        ensure(client, STATEFUL_SETS, etcd_stateful_set(control_plane, VERSION))
        deadline = time.monotonic() + _SECONDS
        while status_of(client.get(STATEFUL_SETS, "etcd", namespace) or {}).get("readyReplicas") != _MEMBERS:
            self._processes.check()
            if time.monotonic() > deadline:
                raise SandboxError(f"etcd in {namespace} has not {_MEMBERS} ready members; logs: {self.plan.logs}")
            time.sleep(0.2)
        fill(self.plan, self.seed.name, _KEYS, namespace=self.seed.namespace)


class _Direct(Writer):
    """Asks the API itself: for a few objects no cache is filled."""

    def get(self, resource: Resource, name: str, namespace: str = "") -> Object | None:
        return self.client.get(resource, name, namespace or None)


def _pull_secret(namespace: str) -> Object:
    auths = {"auths": {RELEASE_REGISTRY: {"auth": base64.b64encode(b"sandbox:large").decode()}}}
    data = {".dockerconfigjson": base64.b64encode(json.dumps(auths).encode()).decode()}
    metadata = {"name": "pull-secret", "namespace": namespace}
    return {"metadata": metadata, "type": "kubernetes.io/dockerconfigjson", "data": data}
