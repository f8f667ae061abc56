"""A simulated controller lives only while a pod of the Deployment that would carry it is ready.

A pod that is being deleted still carries: its process works until it is killed. So whoever scales a Deployment down
has to see the pods gone, and not only the number 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.client import PODS
from sandbox.objects import is_ready

if TYPE_CHECKING:
    from sandbox.controllers.context import Context

HYPERSHIFT = "hypershift"
LOOK_AGAIN = 0.5  # seconds until a controller without carrier looks whether it has one


class Carriers:
    """Tells which simulated controllers are alive."""

    def __init__(self, context: Context) -> None:
        self._pods = context.informers.of(PODS)

    def pods(self, namespace: str, deployment: str) -> frozenset[str]:
        """The uids of the ready pods that carry a controller."""
        found = self._pods.list(namespace, {"app": deployment})
        return frozenset(pod["metadata"]["uid"] for pod in found if is_ready(pod))

    def operator(self) -> bool:
        return bool(self.pods(HYPERSHIFT, "operator"))

    def external_dns(self) -> frozenset[str]:
        return self.pods(HYPERSHIFT, "external-dns")

    def control_plane_operator(self, namespace: str) -> bool:
        return bool(self.pods(namespace, "control-plane-operator"))

    def cluster_api(self, namespace: str) -> bool:
        return bool(self.pods(namespace, "cluster-api"))

    def capi_provider(self, namespace: str) -> bool:
        return bool(self.pods(namespace, "capi-provider"))
