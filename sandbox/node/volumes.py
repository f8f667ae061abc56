"""Volumes of one pod: folders that are bound into its containers.

Their files are written when the pod starts, and once: a token is not renewed before it expires.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.node.environment import ConfigError, Object, Sources, contents, expand, field

if TYPE_CHECKING:
    from sandbox.node.images import Bind


def prepare(pod: Object, folder: Path, sources: Sources) -> dict[str, Path]:
    """Make the folder of every volume of `pod` below `folder`; files of Secrets and ConfigMaps are brought up to date.

    Raises ConfigError when something that is not optional is not there yet.
    """
    folders = {}
    for volume in pod["spec"].get("volumes") or []:
        name = volume["name"]
        if "persistentVolumeClaim" in volume:
            claim = volume["persistentVolumeClaim"]["claimName"]
            folders[name] = Path(sources.claim_folder(pod["metadata"]["namespace"], claim))
            continue
        folders[name] = folder / name
        folders[name].mkdir(parents=True, exist_ok=True)
        files = _files(pod, volume, sources)
        for path, (data, mode) in files.items():
            _write(folders[name] / path, data, mode)
    return folders


def _files(pod: Object, volume: Object, sources: Sources) -> dict[str, tuple[bytes, int]]:
    if "emptyDir" in volume:
        return {}
    projected = volume.get("projected")
    parts = projected.get("sources") or [] if projected else [volume]
    mode = (projected or {}).get("defaultMode")
    files: dict[str, tuple[bytes, int]] = {}
    for part in parts:
        files |= _part(pod, part, mode, sources)
    return files


def _part(pod: Object, part: Object, mode: int | None, sources: Sources) -> dict[str, tuple[bytes, int]]:
    namespace = pod["metadata"]["namespace"]
    if "secret" in part:
        source = part["secret"]
        name = source.get("secretName") or source.get("name")
        return _select(sources.secret(namespace, name), f'secret "{name}" not found', source, mode)
    if "configMap" in part:
        source = part["configMap"]
        name = source["name"]
        return _select(sources.config_map(namespace, name), f'configmap "{name}" not found', source, mode)
    if "downwardAPI" in part:
        source = part["downwardAPI"]
        default = source.get("defaultMode") or mode or 0o644
        return {
            item["path"]: (field(pod, item["fieldRef"]["fieldPath"]).encode(), item.get("mode") or default)
            for item in source.get("items", [])
        }
    if "serviceAccountToken" in part:
        source = part["serviceAccountToken"]
        return {source["path"]: (sources.token(pod, source).encode(), mode or 0o644)}
    msg = f"unsupported volume: {', '.join(sorted(set(part) - {'name'}))}"
    raise ConfigError(msg)


def _select(found: Object | None, missing: str, source: Object, mode: int | None) -> dict[str, tuple[bytes, int]]:
    if found is None:
        if source.get("optional"):
            return {}
        raise ConfigError(missing)
    default = source.get("defaultMode") or mode or 0o644
    data = contents(found)
    if not source.get("items"):
        return {name: (value, default) for name, value in data.items()}
    files = {}
    for item in source["items"]:
        if item["key"] in data:
            files[item["path"]] = (data[item["key"]], item.get("mode") or default)
        elif not source.get("optional"):
            msg = f"references non-existent config key: {item['key']}"
            raise ConfigError(msg)
    return files


def _write(path: Path, data: bytes, mode: int) -> None:
    # The owner is root inside and may always read; the bits for others matter to programs that refuse open keys.
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_EXCL, mode | 0o400), "wb") as file:
        file.write(data)
    part.replace(path)


def binds(container: Object, folders: dict[str, Path], env: dict[str, str]) -> list[Bind]:
    """The mounts of one container, outer folders before those inside them."""
    bound: list[Bind] = []
    for mount in container.get("volumeMounts") or []:
        source = folders[mount["name"]]
        below = expand(mount["subPathExpr"], env) if mount.get("subPathExpr") else mount.get("subPath")
        if below:
            source = source / below
            if not source.exists():
                source.mkdir(parents=True)
        bound.append((str(source), mount["mountPath"].rstrip("/"), bool(mount.get("readOnly"))))
    return sorted(bound, key=lambda bind: bind[1])
