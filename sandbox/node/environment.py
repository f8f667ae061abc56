"""Environment, command and arguments of a container, as the kubelet computes them.

`$(NAME)` in command, args and values is replaced when NAME is known, `$$(NAME)` stands for a literal `$(NAME)`
(Kubernetes documentation, "Define a Command and Arguments for a Container").
"""

from __future__ import annotations

import base64
import re
from typing import Any, Protocol

Object = dict[str, Any]
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_REFERENCE = re.compile(r"\$\$|\$\(([^()]+)\)")
_ANNOTATION = re.compile(r"metadata\.(annotations|labels)\['(.+)'\]")


class ConfigError(Exception):
    """A container cannot be made from its spec and what it refers to; the kubelet tries again later."""


class Sources(Protocol):
    """What a pod's spec may refer to. Every method raises ConfigError when there is no answer."""

    def secret(self, namespace: str, name: str) -> Object | None: ...
    def config_map(self, namespace: str, name: str) -> Object | None: ...
    def claim_folder(self, namespace: str, claim: str) -> str:
        """The folder of the volume bound to a claim."""
        ...

    def token(self, pod: Object, source: Object) -> str:
        """A token of the pod's service account, bound to the pod; `source` is a serviceAccountToken projection."""
        ...

    def pull_secrets(self, pod: Object) -> list[Object]:
        """The existing pull secrets that the pod or its service account name."""
        ...


def expand(text: str, env: dict[str, str]) -> str:
    """Replace the references to known variables in `text`."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return env.get(match[1], match[0])

    return _REFERENCE.sub(value, text)


def field(pod: Object, path: str) -> str:
    """The value of a fieldRef."""
    if match := _ANNOTATION.fullmatch(path):
        return str((pod["metadata"].get(match[1]) or {}).get(match[2], ""))
    status = pod.get("status") or {}
    values = {
        "metadata.name": pod["metadata"]["name"],
        "metadata.namespace": pod["metadata"]["namespace"],
        "metadata.uid": pod["metadata"].get("uid", ""),
        "spec.nodeName": pod["spec"].get("nodeName", ""),
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", "default"),
        "status.podIP": status.get("podIP", ""),
        "status.podIPs": status.get("podIP", ""),
        "status.hostIP": status.get("hostIP", ""),
    }
    if path not in values:
        msg = f"unsupported fieldPath: {path}"
        raise ConfigError(msg)
    return str(values[path])


def environment(pod: Object, container: Object, sources: Sources) -> dict[str, str]:
    """All variables of a container. Raises ConfigError when a reference that is not optional leads nowhere."""
    namespace = pod["metadata"]["namespace"]
    env = {"PATH": _PATH, "HOSTNAME": pod["metadata"]["name"], "HOME": "/root"}
    for source in container.get("envFrom") or []:
        kind = "secretRef" if "secretRef" in source else "configMapRef"
        for name, value in _data(kind, source[kind], namespace, sources).items():
            env[source.get("prefix", "") + name] = value.decode()
    for entry in container.get("env") or []:
        if "valueFrom" in entry:
            found = _value_from(pod, entry["valueFrom"], sources)
            if found is not None:
                env[entry["name"]] = found
        else:
            env[entry["name"]] = expand(entry.get("value") or "", env)
    return env


def _value_from(pod: Object, source: Object, sources: Sources) -> str | None:
    if "fieldRef" in source:
        return field(pod, source["fieldRef"]["fieldPath"])
    for kind in ("secretKeyRef", "configMapKeyRef"):
        if kind in source:
            reference = source[kind]
            data = _data(kind, reference, pod["metadata"]["namespace"], sources)
            if reference["key"] in data:
                return data[reference["key"]].decode()
            if reference.get("optional"):
                return None
            msg = f"couldn't find key {reference['key']} in {kind[:-6]} {reference['name']}"
            raise ConfigError(msg)
    msg = f"unsupported valueFrom: {', '.join(source)}"
    raise ConfigError(msg)


def _data(kind: str, reference: Object, namespace: str, sources: Sources) -> dict[str, bytes]:
    secret = kind.startswith("secret")
    found = (sources.secret if secret else sources.config_map)(namespace, reference["name"])
    if found is None:
        if reference.get("optional"):
            return {}
        msg = f'{"secret" if secret else "configmap"} "{reference["name"]}" not found'
        raise ConfigError(msg)
    return contents(found)


def contents(obj: Object) -> dict[str, bytes]:
    """The files of a Secret or ConfigMap."""
    if obj.get("kind") == "Secret":
        return {name: base64.b64decode(value) for name, value in (obj.get("data") or {}).items()}
    files = {name: value.encode() for name, value in (obj.get("data") or {}).items()}
    return files | {name: base64.b64decode(value) for name, value in (obj.get("binaryData") or {}).items()}
