"""What scheduler, provisioner and binder all know of volumes and claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.objects import status_of

if TYPE_CHECKING:
    from sandbox.client import Object

PROVISIONER = "ebs.csi.aws.com"
DELAYED = "WaitForFirstConsumer"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
ZONE = "topology.kubernetes.io/zone"


def is_bound(claim: Object) -> bool:
    return status_of(claim).get("phase") == "Bound"


def annotation(obj: Object, name: str) -> str:
    value: str = (obj["metadata"].get("annotations") or {}).get(name, "")
    return value


def allowed_zones(volume: Object) -> set[str] | None:
    """The zones of a volume's node affinity; None when it may be used anywhere."""
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    if not required:
        return None
    return {
        zone
        for term in required["nodeSelectorTerms"]
        for expression in term.get("matchExpressions") or []
        if expression["key"] == ZONE
        for zone in expression["values"]
    }
