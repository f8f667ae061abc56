"""What lies under /tmp in an etcd pod, by its manifest: how much of it may be used, and whether it may be used at all.

A snapshot is staged there on both ways to S3: it is digested while it grows, and a part may have to go again. By
default /tmp is the container's own layer on the node's disk. An emptyDir of `medium: Memory` is the pod's memory, so
that a snapshot gets etcd killed; the data volume may not be filled by us.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifeboat.model import Manifest

STAGED = "/tmp/lifeboat"  # noqa: S108 - in the pod
_DATA_DIR, _DATA_DIR_VARIABLE = "/var/lib/data", "ETCD_DATA_DIR"


@dataclass(frozen=True)
class Ephemeral:
    """Storage for a snapshot."""

    storage: int | None
    """Bytes that it may use, where that is bounded: beyond it the node evicts the pod."""
    unfit: str | None
    """Why nothing may be staged there, and what to do; None: it may."""


def of(pod: Manifest, container: Manifest) -> Ephemeral:
    """What a container of a pod has; a pod that is not known yet (`{}`) is let be, its own scripts look again."""
    volumes = {each["name"]: each for each in (pod.get("spec") or {}).get("volumes") or ()}
    mount = _mount_of(container, STAGED)
    volume = volumes.get(mount["name"], {}) if mount else {}
    bounds = [_bytes(((container.get("resources") or {}).get("limits") or {}).get("ephemeral-storage"))]
    bounds.append(_bytes((volume.get("emptyDir") or {}).get("sizeLimit")))
    return Ephemeral(min((each for each in bounds if each is not None), default=None), _unfit(container, mount, volume))


def _unfit(container: Manifest, mount: Mapping[str, Any] | None, volume: Mapping[str, Any]) -> str | None:
    if mount is None:
        if (container.get("securityContext") or {}).get("readOnlyRootFilesystem"):
            return "its root file system is read-only: mount an emptyDir at /tmp"
        return None
    if mount.get("readOnly"):
        return f"volume {mount['name']} under {mount['mountPath']} is read-only: mount an emptyDir at /tmp"
    if medium := (volume.get("emptyDir") or {}).get("medium"):
        return f"volume {mount['name']} under {mount['mountPath']} is memory (medium: {medium}): leave the medium out"
    environment = {each["name"]: each.get("value") for each in container.get("env") or ()}
    data = _mount_of(container, environment.get(_DATA_DIR_VARIABLE) or _DATA_DIR)
    if data is not None and data["name"] == mount["name"]:
        return f"{mount['mountPath']} is on etcd's data volume {mount['name']}: mount an emptyDir at /tmp"
    return None


def _mount_of(container: Manifest, path: str) -> Mapping[str, Any] | None:
    """The volume mount that a path lies in; None: in the container's own layer."""
    above = [
        each
        for each in container.get("volumeMounts") or ()
        if f"{path}/".startswith(each["mountPath"].rstrip("/") + "/")
    ]
    return max(above, key=lambda each: len(each["mountPath"]), default=None)


def _bytes(quantity: object) -> int | None:
    """Kubernetes' quantities of bytes: a number with a binary or decimal suffix, or none."""
    told = re.fullmatch(r"(\d+(?:\.\d+)?)(?:([kMGT])(i?))?", str(quantity or ""))
    if told is None:
        return None
    base = 1024 if told[3] else 1000
    return int(float(told[1]) * base ** (" kMGT".index(told[2]) if told[2] else 0))
