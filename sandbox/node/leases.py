"""The heartbeat of nodes: a Lease for each in kube-node-lease.

A real node lifecycle controller takes a node for lost whose Lease is older than its grace period (50 s), and taints it.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
from typing import TYPE_CHECKING

from sandbox.client import LEASES, ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.client import Client, Object

_log = logging.getLogger(__name__)

NAMESPACE = "kube-node-lease"
_PERIOD, _RETRY, _DURATION = 10.0, 1.0, 40  # seconds; period and duration are a kubelet's own


async def keep(client: Client, nodes: Mapping[str, str]) -> None:
    """Renew the Leases of `nodes` (uid by name) until cancelled; an API that does not answer is asked again soon."""
    while True:
        pause = _PERIOD
        for name, uid in nodes.items():
            try:
                await asyncio.to_thread(renew, client, name, uid)
            except ApiError as error:
                _log.info("lease of %s: %s", name, error)
                pause = _RETRY
        await asyncio.sleep(pause)


def renew(client: Client, name: str, uid: str) -> None:
    """Renew one Lease, or make it. Raises ApiError."""
    spec: Object = {"holderIdentity": name, "leaseDurationSeconds": _DURATION, "renewTime": _now()}
    try:
        client.patch(LEASES, name, {"spec": spec}, NAMESPACE)
    except ApiError as error:
        if error.code != 404:
            raise
        owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid}
        metadata = {"name": name, "namespace": NAMESPACE, "ownerReferences": [owner]}
        client.create(LEASES, {"metadata": metadata, "spec": spec})


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
