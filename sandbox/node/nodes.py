"""The Node objects of a management cluster: three, one a zone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sandbox.client import NODES, ApiError, Client, Object
from sandbox.node.status import now
from sandbox.plan import KUBELET_PORT, REGION, ZONES

if TYPE_CHECKING:
    from sandbox.plan import ManagementClusterPlan

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def register(client: Client, cluster: ManagementClusterPlan) -> dict[str, str]:
    """Create the Nodes that are missing and report them Ready; returns their uids by name. Raises ApiError."""
    nodes = {}
    for zone in ZONES:
        name = f"{cluster.name}-worker-{zone[-1]}"
        try:
            client.create(NODES, _node(name, zone))
        except ApiError as error:
            if error.code != 409:
                raise
        registered = client.patch_status(NODES, name, _status(name, cluster))
        nodes[name] = registered["metadata"]["uid"]
    return nodes


def _node(name: str, zone: str) -> Object:
    return {
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/arch": _MACHINES.get(os.uname().machine, os.uname().machine),
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "node-role.kubernetes.io/worker": "",
                "topology.kubernetes.io/region": REGION,
                "topology.kubernetes.io/zone": zone,
            },
        },
        "spec": {"providerID": f"aws:///{zone}/sandbox-{name}"},
    }


def _status(name: str, cluster: ManagementClusterPlan) -> Object:
    resources = {"cpu": "16", "memory": "64Gi", "pods": "250", "ephemeral-storage": "100Gi"}
    machine = os.uname()
    condition = {"lastHeartbeatTime": now(), "lastTransitionTime": now()}
    return {
        "addresses": [
            {"type": "InternalIP", "address": cluster.kubelet_address},
            {"type": "Hostname", "address": name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
        "capacity": resources,
        "allocatable": resources,
        "conditions": [
            condition | {"type": "Ready", "status": "True", "reason": "KubeletReady"},
            condition | {"type": "MemoryPressure", "status": "False", "reason": "KubeletHasSufficientMemory"},
            condition | {"type": "DiskPressure", "status": "False", "reason": "KubeletHasNoDiskPressure"},
            condition | {"type": "PIDPressure", "status": "False", "reason": "KubeletHasSufficientPID"},
        ],
        "nodeInfo": {
            "kubeletVersion": "v1.30.0",  # that of OpenShift 4.17, which the hosted clusters have
            "containerRuntimeVersion": "sandbox://1",
            "operatingSystem": "linux",
            "architecture": _MACHINES.get(machine.machine, machine.machine),
            "kernelVersion": machine.release,
            "osImage": "Lifeboat sandbox",
            "machineID": name,
            "systemUUID": name,
            "bootID": name,
            "kubeProxyVersion": "",
        },
    }
