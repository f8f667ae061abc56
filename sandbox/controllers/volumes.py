"""Persistent volumes: made where the first consumer is scheduled, a real folder each, reclaimed by their policy."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.client import (
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STORAGE_CLASSES,
    ApiError,
)
from sandbox.controllers.pods import is_finished, is_leaving
from sandbox.informer import Controller, Key
from sandbox.objects import has_finalizer, labels_of, set_finalizer, status_of
from sandbox.plan import ZONES

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.controllers.context import Context

PROVISIONER = "ebs.csi.aws.com"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
ZONE = "topology.kubernetes.io/zone"
_CLAIM_PROTECTION = "kubernetes.io/pvc-protection"


def is_bound(claim: Object) -> bool:
    return status_of(claim).get("phase") == "Bound"


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


class _Volumes:
    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._folder = context.cluster.folder / "volumes"
        self._nodes = context.informers.of(NODES)
        self._pods = context.informers.of(PODS)

    def reconcile_claim(self, key: Key) -> float | None:
        claim = self._client.get(PERSISTENT_VOLUME_CLAIMS, key[1], key[0])
        if claim is None:
            return None
        if is_leaving(claim):
            return self._release(claim)
        claim = set_finalizer(self._client, PERSISTENT_VOLUME_CLAIMS, claim, _CLAIM_PROTECTION, present=True)
        return None if is_bound(claim) else self._find_volume(claim)

    def _find_volume(self, claim: Object) -> float | None:
        """Bind the volume that the claim asks for, or a new one once its first consumer has a node."""
        if name := claim["spec"].get("volumeName"):
            volume = self._client.get(PERSISTENT_VOLUMES, name)
            if volume is None:
                return 1.0
            self._bind(claim, volume)
        elif zone := self._zone(claim):
            self._bind(claim, self._provision(claim, zone))
        return None

    def _zone(self, claim: Object) -> str | None:
        storage_class = self._client.get(STORAGE_CLASSES, claim["spec"].get("storageClassName") or "gp3-csi")
        if storage_class is None or storage_class.get("provisioner") != PROVISIONER:
            return None
        if storage_class.get("volumeBindingMode") != "WaitForFirstConsumer":
            return ZONES[0]
        node = self._nodes.get((claim["metadata"].get("annotations") or {}).get(SELECTED_NODE, ""))
        return labels_of(node).get(ZONE) if node else None

    def _provision(self, claim: Object, zone: str) -> Object:
        name = _volume_name(claim)
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        storage_class = self._client.get(STORAGE_CLASSES, claim["spec"].get("storageClassName") or "gp3-csi") or {}
        metadata = claim["metadata"]
        volume = {
            "metadata": {
                "name": name,
                "labels": {ZONE: zone},
                "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER},
            },
            "spec": {
                "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
                "accessModes": claim["spec"]["accessModes"],
                "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
                "storageClassName": claim["spec"].get("storageClassName") or "gp3-csi",
                "volumeMode": "Filesystem",
                "local": {"path": str(folder)},
                "nodeAffinity": {
                    "required": {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}]
                    }
                },
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    **{field: metadata[field] for field in ("namespace", "name", "uid")},
                },
            },
        }
        try:
            return self._client.create(PERSISTENT_VOLUMES, volume)
        except ApiError as error:
            found = self._client.get(PERSISTENT_VOLUMES, name)
            if error.reason != "AlreadyExists" or found is None:
                raise
            return found

    def _bind(self, claim: Object, volume: Object) -> None:
        metadata, name = claim["metadata"], volume["metadata"]["name"]
        reference = volume["spec"].get("claimRef") or {}
        if reference.get("uid") not in (None, metadata["uid"]):
            return  # belongs to another claim, perhaps a former one of this name
        if not reference.get("uid"):
            wanted = {"claimRef": {field: metadata[field] for field in ("namespace", "name", "uid")}}
            self._client.patch(PERSISTENT_VOLUMES, name, {"spec": wanted})
        self._client.patch_status(PERSISTENT_VOLUMES, name, {"phase": "Bound"})
        if not claim["spec"].get("volumeName"):
            patch = {
                "metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
                "spec": {"volumeName": name},
            }
            self._client.patch(PERSISTENT_VOLUME_CLAIMS, metadata["name"], patch, metadata["namespace"])
        status = {
            "phase": "Bound",
            "capacity": volume["spec"]["capacity"],
            "accessModes": volume["spec"]["accessModes"],
        }
        self._client.patch_status(PERSISTENT_VOLUME_CLAIMS, metadata["name"], status, metadata["namespace"])

    def _release(self, claim: Object) -> float | None:
        """A claim stays until no pod uses it."""
        if not has_finalizer(claim, _CLAIM_PROTECTION):
            return None
        namespace, name = claim["metadata"]["namespace"], claim["metadata"]["name"]
        for pod in self._client.list(PODS, namespace):
            sources = [each.get("persistentVolumeClaim") or {} for each in pod["spec"].get("volumes") or []]
            if any(source.get("claimName") == name for source in sources) and not is_finished(pod):
                return 0.3
        set_finalizer(self._client, PERSISTENT_VOLUME_CLAIMS, claim, _CLAIM_PROTECTION, present=False)
        return None

    def reconcile_volume(self, key: Key) -> float | None:
        volume = self._client.get(PERSISTENT_VOLUMES, key[1])
        reference = (volume or {}).get("spec", {}).get("claimRef")
        if volume is None or not reference or not reference.get("uid"):
            return None
        claim = self._client.get(PERSISTENT_VOLUME_CLAIMS, reference["name"], reference["namespace"])
        if claim is not None and claim["metadata"]["uid"] == reference["uid"]:
            return None
        if status_of(volume).get("phase") == "Bound":
            self._client.patch_status(PERSISTENT_VOLUMES, key[1], {"phase": "Released"})
        if volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
            self._client.delete(PERSISTENT_VOLUMES, key[1])
            path = Path((volume["spec"].get("local") or {}).get("path", ""))
            if path.parent == self._folder:  # never a folder that this provisioner did not make
                shutil.rmtree(path, ignore_errors=True)
        return None


def volume_controllers(context: Context) -> list[Controller]:
    work = _Volumes(context)

    def volumes_of(claim: Object) -> list[Key]:
        name = claim["spec"].get("volumeName")
        return [("", name)] if name else []

    claims = context.informers.of(PERSISTENT_VOLUME_CLAIMS)
    return [
        Controller("claims", work.reconcile_claim, resync=5.0, workers=2).watch(claims),
        Controller("volumes", work.reconcile_volume, resync=5.0)
        .watch(context.informers.of(PERSISTENT_VOLUMES))
        .watch(claims, volumes_of),
    ]


def _volume_name(claim: Object) -> str:
    return f"pvc-{claim['metadata']['uid']}"
