"""Nodes of the destination on which the control plane may run, and what they have left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lifeboat import quantities
from lifeboat.model import Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import NODES, PODS
from lifeboat.restore.destination import ZONE
from lifeboat.restore.preflight.look import Look

REGION = "topology.kubernetes.io/region"
MEASURED = ("cpu", "memory")
_ENDED = {"Succeeded", "Failed"}


@dataclass(frozen=True)
class Room:
    """One node that fits: its zone, and what no pod has asked for (cores, bytes); None where it does not tell."""

    node: str
    zone: str | None
    free: Mapping[str, Decimal] | None


def fitting(look: Look) -> list[Manifest]:
    """Ready, schedulable nodes with the labels that the hosted cluster asks for and no taint that it does not bear."""
    spec = look.hosted_cluster["spec"]
    wanted = spec.get("nodeSelector") or {}
    borne = [*(spec.get("tolerations") or ()), *_usual(look.destination.namespace)]
    return [each for each in look.cluster.list_objects(NODES) if _is_fit(each, wanted, borne)]


def zones_of(nodes: Sequence[Manifest]) -> list[str]:
    """Zones of nodes, each once."""
    return sorted({zone for each in nodes if (zone := _labels(each).get(ZONE))})


def rooms_of(cluster: ManagementCluster, nodes: Sequence[Manifest]) -> list[Room]:
    """What is left on each of them: allocatable without what the pods there ask for."""
    taken: dict[str, list[Manifest]] = {}
    for pod in cluster.list_objects(PODS):
        if (name := pod.get("spec", {}).get("nodeName")) and (pod.get("status") or {}).get("phase") not in _ENDED:
            taken.setdefault(name, []).append(pod)
    found = []
    for node in nodes:
        name = node["metadata"]["name"]
        allocatable = (node.get("status") or {}).get("allocatable") or {}
        given = {kind: quantities.parse(allocatable.get(kind)) for kind in MEASURED}
        free = {
            kind: amount - sum((requests(pod["spec"])[kind] for pod in taken.get(name, ())), Decimal())
            for kind, amount in given.items()
            if amount is not None
        }
        found.append(Room(name, _labels(node).get(ZONE), free if len(free) == len(MEASURED) else None))
    return found


def requests(pod_spec: Mapping[str, Any]) -> dict[str, Decimal]:
    """What one pod asks the scheduler for: its containers together, or its largest init container where that is more.

    Kubernetes, "Resource sharing within containers"; init containers that keep running count with the others.
    """
    steady, first = dict.fromkeys(MEASURED, Decimal()), dict.fromkeys(MEASURED, Decimal())
    for container in pod_spec.get("containers") or ():
        for kind in MEASURED:
            steady[kind] += _request(container, kind)
    for container in pod_spec.get("initContainers") or ():
        for kind in MEASURED:
            if container.get("restartPolicy") == "Always":
                steady[kind] += _request(container, kind)
            else:
                first[kind] = max(first[kind], _request(container, kind))
    return {kind: max(steady[kind], first[kind]) for kind in MEASURED}


def _request(container: Mapping[str, Any], kind: str) -> Decimal:
    resources = container.get("resources") or {}
    given = (resources.get("requests") or {}).get(kind) or (resources.get("limits") or {}).get(kind) or "0"
    return quantities.parse(given) or Decimal()


def _is_fit(node: Manifest, wanted: Mapping[str, str], borne: Sequence[Mapping[str, Any]]) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    spec = node.get("spec") or {}
    taints = [each for each in spec.get("taints") or () if each.get("effect") in {"NoSchedule", "NoExecute"}]
    return (
        ready
        and not spec.get("unschedulable")
        and wanted.items() <= _labels(node).items()
        and all(any(_bears(each, taint) for each in borne) for taint in taints)
    )


def _bears(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Kubernetes' rule of tolerations: no key bears every key, no effect every effect."""
    if toleration.get("effect") not in {None, "", taint.get("effect")}:
        return False
    if toleration.get("key") not in {None, "", taint["key"]}:
        return False
    return toleration.get("operator") == "Exists" or (
        bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")
    )


def _usual(namespace: str) -> list[dict[str, str]]:
    """What HyperShift gives every pod of a hosted control plane."""
    return [
        {"key": "hypershift.openshift.io/control-plane", "operator": "Equal", "value": "true"},
        {"key": "hypershift.openshift.io/cluster", "operator": "Equal", "value": namespace},
    ]


def _labels(node: Manifest) -> Mapping[str, str]:
    labels: Mapping[str, str] = node["metadata"].get("labels") or {}
    return labels
