"""The volume provisioner of the cloud: a folder for each claim that asks for one, reclaimed by the volume's policy.

An external provisioner, as CSI's is: the volume binder (the real one, or `volume_binder`) says by an annotation whose
turn it is, and binds what was made.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.client import NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES, ApiError
from sandbox.controllers.pods import is_leaving
from sandbox.controllers.volumes import (
    DELAYED,
    PROVISIONED_BY,
    PROVISIONER,
    SELECTED_NODE,
    STORAGE_PROVISIONER,
    ZONE,
    annotation,
)
from sandbox.informer import Controller, Key
from sandbox.objects import labels_of, status_of
from sandbox.plan import ZONES

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.controllers.context import Context


class _Provisioner:
    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._folder = context.cluster.folder / "volumes"
        self._nodes = context.informers.of(NODES)

    def provision(self, key: Key) -> float | None:
        claim = self._client.get(PERSISTENT_VOLUME_CLAIMS, key[1], key[0])
        if claim is None or is_leaving(claim) or claim["spec"].get("volumeName"):
            return None
        if annotation(claim, STORAGE_PROVISIONER) != PROVISIONER:
            return None
        storage_class = self._client.get(STORAGE_CLASSES, claim["spec"].get("storageClassName") or "")
        if storage_class is None:
            return 1.0
        if zone := self._zone(claim, storage_class):
            self._create(claim, storage_class, zone)
        return None

    def _zone(self, claim: Object, storage_class: Object) -> str | None:
        """The zone of the node that the first consumer goes to; None while the scheduler has not named one."""
        if storage_class.get("volumeBindingMode") != DELAYED:
            return ZONES[0]
        node = self._nodes.get(annotation(claim, SELECTED_NODE))
        return labels_of(node).get(ZONE) if node else None

    def _create(self, claim: Object, storage_class: Object, zone: str) -> None:
        metadata = claim["metadata"]
        folder = self._folder / f"pvc-{metadata['uid']}"
        folder.mkdir(parents=True, exist_ok=True)
        volume = {
            "metadata": {
                "name": folder.name,
                "labels": {ZONE: zone},
                "annotations": {PROVISIONED_BY: PROVISIONER},
            },
            "spec": {
                "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
                "accessModes": claim["spec"]["accessModes"],
                "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
                "storageClassName": claim["spec"]["storageClassName"],
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
            self._client.create(PERSISTENT_VOLUMES, volume)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise

    def reclaim(self, key: Key) -> None:
        """A volume of ours whose claim is gone goes too, if that is its policy."""
        volume = self._client.get(PERSISTENT_VOLUMES, key[1])
        if volume is None or annotation(volume, PROVISIONED_BY) != PROVISIONER:
            return
        if status_of(volume).get("phase") != "Released":
            return
        if volume["spec"].get("persistentVolumeReclaimPolicy") != "Delete":
            return
        self._client.delete(PERSISTENT_VOLUMES, key[1], uid=volume["metadata"]["uid"])
        path = Path((volume["spec"].get("local") or {}).get("path", ""))
        if path.parent == self._folder:  # never a folder that this provisioner did not make
            shutil.rmtree(path, ignore_errors=True)


def provisioner_controllers(context: Context) -> list[Controller]:
    work = _Provisioner(context)
    claims, volumes = context.informers.of(PERSISTENT_VOLUME_CLAIMS), context.informers.of(PERSISTENT_VOLUMES)
    return [
        Controller("provisioner", work.provision, resync=5.0, workers=2).watch(claims),
        Controller("reclaimer", work.reclaim, resync=5.0).watch(volumes),
    ]
