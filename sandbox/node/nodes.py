"""The Node objects of a management cluster: three, one a zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.client import NODES, ApiError, Client, Object
from sandbox.node.status import now
from sandbox.plan import KUBELET_PORT, REGION, ZONES

if TYPE_CHECKING:
    from sandbox.plan import ManagementClusterPlan


def register(client: Client, cluster: ManagementClusterPlan) -> frozenset[str]:
    """Create the Nodes that are missing and report them Ready; returns their names. Raises ApiError."""
    names = [f"{cluster.name}-worker-{zone[-1]}" for zone in ZONES]
    for name, zone in zip(names, ZONES, strict=True):
        try:
            client.create(NODES, _node(name, zone))
        except ApiError as error:
            if error.code != 409:
                raise
        client.patch_status(NODES, name, _status(name, cluster))
    return frozenset(names)


def _node(name: str, zone: str) -> Object:
    return {
        "metadata": {
            "name": name,
            "labels": {
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
        "nodeInfo": {"kubeletVersion": "v1.30.0", "operatingSystem": "linux", "architecture": "amd64"},
    }
