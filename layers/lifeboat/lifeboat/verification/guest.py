"""The hosted API itself: a write by its public name, as its clients write."""

from __future__ import annotations

from lifeboat.errors import ApiUnavailableError, ConflictError, ObjectRefusedError
from lifeboat.ports import ManagementCluster
from lifeboat.resources import CONFIG_MAPS
from lifeboat.verification import Finding

_NAMESPACE, _NAME = "default", "lifeboat-probe"


def verify(guest: ManagementCluster, operation_id: str) -> Finding:
    """Create a ConfigMap, read it back and delete it: answering reads alone is what a read-only API does as well."""
    wanted = {"operation": operation_id}
    try:
        guest.create(CONFIG_MAPS, {"metadata": {"namespace": _NAMESPACE, "name": _NAME}, "data": wanted})
        guest.patch(CONFIG_MAPS, _NAMESPACE, _NAME, {"data": wanted})
        found = guest.get(CONFIG_MAPS, _NAMESPACE, _NAME)
        if found is None or found.get("data") != wanted:
            return Finding(not_yet=["the hosted API to keep what is written"])
        guest.delete(CONFIG_MAPS, _NAMESPACE, _NAME, uid=found["metadata"]["uid"])
    except (ApiUnavailableError, ConflictError, ObjectRefusedError):
        return Finding(not_yet=["the hosted API to take a write by its public name"])
    return Finding({"hostedApiWrites": True})
