"""The worker nodes of hosted clusters: a kubelet for each running EC2 instance that a hosted cluster owns.

A node knows its cluster by one name of its API only: the public one, or that of the VPC endpoint where there is one. It
goes on as long as its instance runs, whatever happens to the control plane; that it reports again is how a moved
control plane shows that it has its workers.
"""

from __future__ import annotations

import datetime
import json
import logging
import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.guest.hosted import HostedApi, HostedApiError, Object, kubeconfig_path, node_kubeconfig_path
from sandbox.plan import REGION, RELEASE_REGISTRY

if TYPE_CHECKING:
    from sandbox.plan import Plan

_log = logging.getLogger(__name__)

OVN_NAMESPACE = "openshift-ovn-kubernetes"
_OVN_IMAGE = f"{RELEASE_REGISTRY}/ocp/ovn-kubernetes"
_LEASE_NAMESPACE = "kube-node-lease"
_OWNED = "kubernetes.io/cluster/"
_PERIOD = 2.0  # seconds between two reports; a real kubelet's are 10
_OFTEN = 10  # so many nodes may report that often; more take turns, up to a real kubelet's pace
_LONGEST_PERIOD = 10.0
_LEASE_SECONDS = 40


@dataclass(frozen=True)
class Instance:
    """One running instance of a hosted cluster."""

    instance_id: str
    zone: str
    host_name: str
    hosted_cluster: str


def instances(plan: Plan, ec2: Any) -> list[Instance]:
    """The running instances that a hosted cluster of this sandbox owns, by their tags. Raises botocore's errors."""
    found = []
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[{"Name": "instance-state-name", "Values": ["running"]}]
    )
    for reservation in (each for page in pages for each in page["Reservations"]):
        for instance in reservation["Instances"]:
            owners = [
                tag["Key"].removeprefix(_OWNED)
                for tag in instance.get("Tags", ())
                if tag["Key"].startswith(_OWNED) and tag["Value"] == "owned"
            ]
            for infra_id in owners:
                name = infra_id.rpartition("-")[0]  # infraID is the cluster's name and a random suffix
                if kubeconfig_path(plan, name).exists():
                    zone = instance["Placement"]["AvailabilityZone"]
                    found.append(Instance(instance["InstanceId"], zone, instance["PrivateDnsName"], name))
    return found


class Workers(threading.Thread):
    """Starts and ends node threads as instances come and go."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(name="workers", daemon=True)
        self._plan = plan
        self._stopped = threading.Event()
        self._nodes: dict[str, WorkerNode] = {}

    def stop(self) -> None:
        self._stopped.set()
        for node in self._nodes.values():
            node.stop()

    def run(self) -> None:
        ec2 = boto3.client(
            "ec2",
            endpoint_url=self._plan.aws_url,
            region_name=REGION,
            aws_access_key_id=self._plan.access_key_id,
            aws_secret_access_key=self._plan.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10),
        )
        while not self._stopped.is_set():
            try:
                running = {each.instance_id: each for each in instances(self._plan, ec2)}
            except (BotoCoreError, ClientError) as error:
                _log.info("instances: %s", error)
            else:
                self._follow(running)
            self._stopped.wait(_PERIOD)

    def _follow(self, running: dict[str, Instance]) -> None:
        for gone in self._nodes.keys() - running.keys():
            _log.info("instance %s is gone", gone)
            self._nodes.pop(gone).stop()
        for new in running.keys() - self._nodes.keys():
            self._nodes[new] = WorkerNode(self._plan, running[new])
            self._nodes[new].start()
        period = min(_PERIOD * max(1.0, len(self._nodes) / _OFTEN), _LONGEST_PERIOD)
        for node in self._nodes.values():
            node.period = period


class WorkerNode(threading.Thread):
    """The kubelet of one instance: its Lease, its Node, and the OVN pod that it runs."""

    def __init__(self, plan: Plan, instance: Instance) -> None:
        super().__init__(name=f"node {instance.instance_id}", daemon=True)
        self.period = _PERIOD
        self._instance = instance
        self._api = HostedApi(
            plan,
            instance.hosted_cluster,
            timeout=3.0,
            kubeconfig=node_kubeconfig_path(plan, instance.hosted_cluster),
        )
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._apply("/api/v1/nodes", self._node())
                leases = f"/apis/coordination.k8s.io/v1/namespaces/{_LEASE_NAMESPACE}/leases"
                self._apply(leases, self._lease())
                self._run_ovn_pod()
            except HostedApiError as error:
                _log.info("%s: %s", self.name, error)
            self._stopped.wait(self.period)
        self._api.close()

    def _apply(self, collection: str, obj: Object) -> None:
        body = json.dumps(obj, separators=(",", ":")).encode()
        try:
            self._api.request("PUT", f"{collection}/{obj['metadata']['name']}", body)
        except HostedApiError as error:
            if error.code != 404:
                raise
            self._api.request("POST", collection, body)

    def _run_ovn_pod(self) -> None:
        """Start the pod again, as a new one, when somebody deleted it."""
        collection = f"/api/v1/namespaces/{OVN_NAMESPACE}/pods"
        name = f"ovnkube-node-{self._instance.instance_id}"
        try:
            self._api.request("GET", f"{collection}/{name}")
        except HostedApiError as error:
            if error.code != 404:
                raise
            pod = self._ovn_pod(name)
            self._api.request("POST", collection, json.dumps(pod, separators=(",", ":")).encode())

    def _ovn_pod(self, name: str) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": OVN_NAMESPACE,
                "uid": str(uuid.uuid4()),
                "creationTimestamp": _now(),
                "labels": {"app": "ovnkube-node"},
            },
            "spec": {
                "nodeName": self._instance.host_name,
                "containers": [
                    {"name": "ovnkube-controller", "image": "registry.release.example.com/ocp/ovn-kubernetes"}
                ],
            },
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        }

    def _lease(self) -> Object:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._instance.host_name, "namespace": _LEASE_NAMESPACE},
            "spec": {
                "holderIdentity": self._instance.host_name,
                "leaseDurationSeconds": _LEASE_SECONDS,
                "renewTime": _now(),
            },
        }

    def _node(self) -> Object:
        name = self._instance.host_name
        labels = {
            "kubernetes.io/hostname": name,
            "node-role.kubernetes.io/worker": "",
            "topology.kubernetes.io/zone": self._instance.zone,
        }
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": _now()}
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": labels},
            "spec": {"providerID": f"aws:///{self._instance.zone}/{self._instance.instance_id}"},
            "status": {
                "conditions": [ready],
                "nodeInfo": {"machineID": self._instance.instance_id, "kubeletVersion": "v1.30.0"},
            },
        }


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
