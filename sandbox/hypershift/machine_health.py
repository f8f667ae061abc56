"""Cluster API's MachineHealthCheck: replaces machines whose nodes were not ready for too long.

While the hosted API does not answer nobody is judged; once it does, a node has its whole time to come back.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sandbox.client import MACHINE_HEALTH_CHECKS, MACHINES
from sandbox.controllers.pods import is_leaving
from sandbox.hypershift.carriers import LOOK_AGAIN
from sandbox.hypershift.cluster_api import adopt, cluster_of, is_paused
from sandbox.hypershift.names import hosted_cluster_of
from sandbox.informer import Controller, Key, split_selector
from sandbox.objects import labels_of, status_of, update_status

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.controllers.context import Context
    from sandbox.hypershift.carriers import Carriers
    from sandbox.hypershift.guest import Guests, GuestView

_REQUEUE_SECONDS = 3.0
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def duration(text: str) -> float:
    """Seconds of a Go duration such as `8m`, `1m30s` or `8m0s`."""
    total, number = 0.0, ""
    for character in text:
        if character in _UNITS:
            total += float(number) * _UNITS[character]
            number = ""
        else:
            number += character
    return total


class _HealthChecks:
    def __init__(self, context: Context, carriers: Carriers, guests: Guests) -> None:
        self._client = context.client
        self._carriers = carriers
        self._guests = guests
        self._machines = context.informers.of(MACHINES)
        self._unhealthy_since: dict[str, float] = {}  # by uid of the Machine, monotonic

    def reconcile(self, key: Key) -> float | None:
        check = self._client.get(MACHINE_HEALTH_CHECKS, key[1], key[0])
        if check is None or is_leaving(check):
            return None
        if not self._carriers.cluster_api(key[0]):
            return LOOK_AGAIN
        cluster = cluster_of(self._client, check)
        if cluster is None or is_paused(cluster, check):
            return 1.0
        check = adopt(self._client, MACHINE_HEALTH_CHECKS, check, cluster, controller=False)
        hosted = hosted_cluster_of(cluster)
        view = self._guests.view(hosted) if hosted else None
        selector = check["spec"]["selector"].get("matchLabels") or {}
        machines = [each for each in self._machines.list(key[0]) if split_selector(labels_of(each), selector)]
        if view is None or not view.serves:
            for machine in machines:
                self._unhealthy_since.pop(machine["metadata"]["uid"], None)
            return _REQUEUE_SECONDS
        self._judge(check, machines, view)
        return _REQUEUE_SECONDS

    def _judge(self, check: Object, machines: list[Object], view: GuestView) -> None:
        now = time.monotonic()
        conditions = check["spec"].get("unhealthyConditions") or []
        node_timeout = min((duration(each["timeout"]) for each in conditions), default=300.0)
        startup_timeout = duration(check["spec"].get("nodeStartupTimeout") or "10m")
        sick, late = 0, []
        for machine in machines:
            uid = machine["metadata"]["uid"]
            node = view.node_of(machine["spec"].get("providerID") or "-")
            if node is not None and node.ready:
                self._unhealthy_since.pop(uid, None)
                continue
            sick += 1
            limit = node_timeout if status_of(machine).get("nodeRef") else startup_timeout
            if now - self._unhealthy_since.setdefault(uid, now) > limit and not is_leaving(machine):
                late.append(machine)
        allowed = sick <= int(check["spec"].get("maxUnhealthy") or len(machines))
        for machine in late if allowed else []:
            metadata = machine["metadata"]
            if any(each.get("controller") for each in metadata.get("ownerReferences") or []):
                self._client.delete(MACHINES, metadata["name"], metadata["namespace"], uid=metadata["uid"])
        status = {
            **status_of(check),
            "expectedMachines": len(machines),
            "currentHealthy": len(machines) - sick,
            "remediationsAllowed": max(0, int(check["spec"].get("maxUnhealthy") or len(machines)) - sick),
        }
        update_status(self._client, MACHINE_HEALTH_CHECKS, check, status)


def machine_health_controller(context: Context, carriers: Carriers, guests: Guests) -> Controller:
    work = _HealthChecks(context, carriers, guests)
    return Controller("machine-health", work.reconcile, resync=10.0).watch(context.informers.of(MACHINE_HEALTH_CHECKS))
