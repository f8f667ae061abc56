"""The marker at the source: ConfigMap `mgmt-parent-cluster` in `default`, `from: <management cluster>`.

The documented procedure leaves it so that whoever looks at the cluster later knows what happened here. One that names
another cluster means that somebody mixed up source and destination, or a restored copy: nothing is touched then.
"""

from __future__ import annotations

from lifeboat.edits import annotation
from lifeboat.errors import PreflightError
from lifeboat.ports import ManagementCluster
from lifeboat.reconciliation import OPERATION
from lifeboat.resources import CONFIG_MAPS

NAMESPACE, NAME = "default", "mgmt-parent-cluster"


def mark(cluster: ManagementCluster, operation_id: str) -> bool:
    """Mark the source; False when a marker with the same words was there before.

    Raises PreflightError when the marker names another management cluster.
    """
    wanted = {"from": cluster.name}
    manifest = {
        "metadata": {"namespace": NAMESPACE, "name": NAME, "annotations": {OPERATION: operation_id}},
        "data": wanted,
    }
    if cluster.create(CONFIG_MAPS, manifest) is not None:
        return True
    present = cluster.get(CONFIG_MAPS, NAMESPACE, NAME)
    said = (present or {}).get("data") or {}
    if said.get("from") != cluster.name:
        msg = (
            f"ConfigMap {NAMESPACE}/{NAME} on {cluster.name} says from={said.get('from')!r}: is {cluster.name} really "
            "the source? If so, delete that ConfigMap and start again"
        )
        raise PreflightError(msg)
    return False


def unmark(cluster: ManagementCluster, operation_id: str) -> bool:
    """Remove the marker if this operation made it; somebody else's stays."""
    present = cluster.get(CONFIG_MAPS, NAMESPACE, NAME)
    if present is None or annotation(present, OPERATION) != operation_id:
        return False
    cluster.delete(CONFIG_MAPS, NAMESPACE, NAME, uid=present["metadata"]["uid"])
    return True
