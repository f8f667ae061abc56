"""Binds claims to volumes, asks the provisioner for new ones, and keeps what is in use.

What kube-controller-manager's volume binder and claim protection do on a real API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.client import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, STORAGE_CLASSES
from sandbox.controllers.pods import is_finished, is_leaving
from sandbox.controllers.volumes import DELAYED, SELECTED_NODE, STORAGE_PROVISIONER, annotation, is_bound
from sandbox.informer import Controller, Key
from sandbox.objects import has_finalizer, set_finalizer, status_of

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.controllers.context import Context

_CLAIM_PROTECTION = "kubernetes.io/pvc-protection"


class _Binder:
    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._volumes = context.informers.of(PERSISTENT_VOLUMES)

    def reconcile_claim(self, key: Key) -> float | None:
        claim = self._client.get(PERSISTENT_VOLUME_CLAIMS, key[1], key[0])
        if claim is None:
            return None
        if is_leaving(claim):
            return self._release(claim)
        claim = set_finalizer(self._client, PERSISTENT_VOLUME_CLAIMS, claim, _CLAIM_PROTECTION, present=True)
        return None if is_bound(claim) else self._find_volume(claim)

    def _find_volume(self, claim: Object) -> float | None:
        """Bind the volume that the claim names, or that was made for it; else have one made."""
        if name := claim["spec"].get("volumeName"):
            volume = self._client.get(PERSISTENT_VOLUMES, name)
            if volume is None:
                return 1.0
            self._bind(claim, volume)
            return None
        made = [each for each in self._volumes.list() if _claim_uid(each) == claim["metadata"]["uid"]]
        if made:
            self._bind(claim, made[0])
            return None
        return self._ask_for_one(claim)

    def _ask_for_one(self, claim: Object) -> float | None:
        storage_class = self._client.get(STORAGE_CLASSES, claim["spec"].get("storageClassName") or "")
        if storage_class is None:
            return 1.0
        if storage_class.get("volumeBindingMode") == DELAYED and not annotation(claim, SELECTED_NODE):
            return None
        provisioner = storage_class["provisioner"]
        if annotation(claim, STORAGE_PROVISIONER) != provisioner:
            metadata = claim["metadata"]
            patch = {"metadata": {"annotations": {STORAGE_PROVISIONER: provisioner}}}
            self._client.patch(PERSISTENT_VOLUME_CLAIMS, metadata["name"], patch, metadata["namespace"])
        return None

    def _bind(self, claim: Object, volume: Object) -> None:
        metadata, name = claim["metadata"], volume["metadata"]["name"]
        if _claim_uid(volume) not in (None, metadata["uid"]):
            return  # belongs to another claim, perhaps a former one of this name
        if not _claim_uid(volume):
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

    def reconcile_volume(self, key: Key) -> None:
        """A bound volume whose claim is gone is Released."""
        volume = self._client.get(PERSISTENT_VOLUMES, key[1])
        if volume is None or status_of(volume).get("phase") != "Bound":
            return
        reference = volume["spec"]["claimRef"]
        claim = self._client.get(PERSISTENT_VOLUME_CLAIMS, reference["name"], reference["namespace"])
        if claim is None or claim["metadata"]["uid"] != reference["uid"]:
            self._client.patch_status(PERSISTENT_VOLUMES, key[1], {"phase": "Released"})


def volume_binder_controllers(context: Context) -> list[Controller]:
    work = _Binder(context)

    def volumes_of(claim: Object) -> list[Key]:
        name = claim["spec"].get("volumeName")
        return [("", name)] if name else []

    def claims_of(volume: Object) -> list[Key]:
        reference = volume["spec"].get("claimRef")
        return [(reference["namespace"], reference["name"])] if reference else []

    claims, volumes = context.informers.of(PERSISTENT_VOLUME_CLAIMS), context.informers.of(PERSISTENT_VOLUMES)
    return [
        Controller("claims", work.reconcile_claim, resync=5.0, workers=2).watch(claims).watch(volumes, claims_of),
        Controller("volumes", work.reconcile_volume, resync=5.0).watch(volumes).watch(claims, volumes_of),
    ]


def _claim_uid(volume: Object) -> str | None:
    uid: str | None = (volume["spec"].get("claimRef") or {}).get("uid")
    return uid
