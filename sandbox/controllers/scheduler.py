"""Chooses a node for each pod: selector, required anti-affinity, the zone of its volumes, then the emptiest node."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from sandbox.client import NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, ApiError
from sandbox.controllers.pods import is_finished, is_leaving
from sandbox.controllers.volumes import SELECTED_NODE, ZONE, allowed_zones, is_bound
from sandbox.informer import Controller, Key, split_selector
from sandbox.objects import condition, labels_of, status_of

if TYPE_CHECKING:
    from sandbox.client import Object, Objects
    from sandbox.controllers.context import Context

_NAME = "default-scheduler"
_ASSUMED_SECONDS = 10.0


class _Scheduler:
    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._pods = context.informers.of(PODS)
        self._nodes = context.informers.of(NODES)
        self._assumed: dict[str, tuple[float, Object]] = {}  # by uid: placed by us, not yet in the cache
        self._lock = threading.Lock()

    def reconcile(self, key: Key) -> float | None:
        pod = self._client.get(PODS, key[1], key[0])
        if pod is None or pod["spec"].get("nodeName") or is_leaving(pod) or is_finished(pod):
            return None
        claims = self._claims(pod)
        if claims is None:
            return 0.2
        self._assumed.pop(pod["metadata"]["uid"], None)
        node = self._choose(pod, claims)
        if node is None:
            return 0.5
        # Counts from now on: other pods are placed while the volumes of this one are still being made.
        placed = {**pod, "spec": {**pod["spec"], "nodeName": node}}
        self._assumed[pod["metadata"]["uid"]] = (time.monotonic(), placed)
        for claim in claims:
            if not is_bound(claim):
                annotations = claim["metadata"].get("annotations") or {}
                if annotations.get(SELECTED_NODE) != node:
                    patch = {"metadata": {"annotations": {SELECTED_NODE: node}}}
                    self._client.patch(PERSISTENT_VOLUME_CLAIMS, claim["metadata"]["name"], patch, key[0])
        if not all(is_bound(claim) for claim in claims):
            return 0.05  # the provisioner makes the volumes where the node is; then the pod may start
        self._bind(pod, node)
        return None

    def _claims(self, pod: Object) -> Objects | None:
        """The pod's claims; None while one does not exist."""
        claims = []
        for volume in pod["spec"].get("volumes") or []:
            if source := volume.get("persistentVolumeClaim"):
                namespace = pod["metadata"]["namespace"]
                claim = self._client.get(PERSISTENT_VOLUME_CLAIMS, source["claimName"], namespace)
                if claim is None or is_leaving(claim):
                    return None
                claims.append(claim)
        return claims

    def _placed(self) -> Objects:
        placed = {pod["metadata"]["uid"]: pod for pod in self._pods.list() if pod["spec"].get("nodeName")}
        horizon = time.monotonic() - _ASSUMED_SECONDS
        self._assumed = {uid: entry for uid, entry in self._assumed.items() if uid not in placed and entry[0] > horizon}
        return [*placed.values(), *(pod for _, pod in self._assumed.values())]

    def _choose(self, pod: Object, claims: Objects) -> str | None:
        placed = [each for each in self._placed() if not is_finished(each)]
        zones: set[str] | None = None
        chosen_node: str | None = None
        for claim in claims:
            if volume_name := claim["spec"].get("volumeName"):
                volume = self._client.get(PERSISTENT_VOLUMES, volume_name)
                found = allowed_zones(volume) if volume else None
                zones = found if zones is None else zones & found if found is not None else zones
            else:
                chosen_node = (claim["metadata"].get("annotations") or {}).get(SELECTED_NODE) or chosen_node
        candidates = []
        for node in self._nodes.list():
            name = node["metadata"]["name"]
            fits = (
                _is_schedulable(node)
                and split_selector(labels_of(node), pod["spec"].get("nodeSelector") or {})
                and _fits_affinity(node, pod)
                and (zones is None or labels_of(node).get(ZONE) in zones)
                and not self._repels(node, pod, placed)
            )
            if fits:
                count = sum(each["spec"]["nodeName"] == name for each in placed)
                candidates.append((name != chosen_node, count, name))
        return min(candidates)[2] if candidates else None

    def _repels(self, node: Object, pod: Object, placed: Objects) -> bool:
        affinity = ((pod["spec"].get("affinity") or {}).get("podAntiAffinity")) or {}
        for term in affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or []:
            domain = labels_of(node).get(term["topologyKey"])
            wanted = (term.get("labelSelector") or {}).get("matchLabels") or {}
            for other in placed:
                same = other["metadata"]["namespace"] == pod["metadata"]["namespace"]
                if not same or not split_selector(labels_of(other), wanted):
                    continue
                home = self._nodes.get(other["spec"]["nodeName"])
                if home is not None and labels_of(home).get(term["topologyKey"]) == domain:
                    return True
        return False

    def _bind(self, pod: Object, node: str) -> None:
        metadata = pod["metadata"]
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        self._client.create_subresource(PODS, metadata["name"], "binding", binding, metadata["namespace"])


def scheduler(context: Context) -> Controller:
    """One worker: a decision counts the ones before it."""
    pods = context.informers.of(PODS)

    def unscheduled(pod: Object) -> list[Key]:
        mine = pod["spec"].get("schedulerName") in (None, _NAME)
        waiting = mine and not pod["spec"].get("nodeName") and not status_of(pod).get("startTime")
        return [(pod["metadata"]["namespace"], pod["metadata"]["name"])] if waiting else []

    work = _Scheduler(context)

    def reconcile(key: Key) -> float | None:
        try:
            return work.reconcile(key)
        except ApiError as error:
            if error.code == 404:
                return None  # gone meanwhile
            raise

    return Controller("scheduler", reconcile, resync=5.0).watch(pods, unscheduled)


def _is_schedulable(node: Object) -> bool:
    ready = (condition(node, "Ready") or {}).get("status") == "True"
    return ready and not node["spec"].get("unschedulable")


def _fits_affinity(node: Object, pod: Object) -> bool:
    """Required node affinity: any term whose `In` and `Exists` expressions all hold."""
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    labels = {**labels_of(node), "metadata.name": node["metadata"]["name"]}

    def holds(expression: Object) -> bool:
        value = labels.get(expression["key"])
        if expression["operator"] == "In":
            return value in expression["values"]
        if expression["operator"] == "Exists":
            return value is not None
        raise NotImplementedError(f"node affinity operator {expression['operator']}")

    return any(
        all(holds(each) for each in [*(term.get("matchExpressions") or []), *(term.get("matchFields") or [])])
        for term in required["nodeSelectorTerms"]
    )
