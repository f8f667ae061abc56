"""How a Deployment was told to run: arguments and environment of its containers."""

from __future__ import annotations

from typing import Any

from lifeboat.model import Manifest


def values(deployment: Manifest | None, name: str) -> list[str]:
    """All values of the argument `--name`, written as `--name=value` or in two; a bare one is `true`."""
    found: list[str] = []
    for container in _containers(deployment):
        given = [str(each) for each in (*(container.get("command") or ()), *(container.get("args") or ()))]
        for position, argument in enumerate(given):
            if argument.startswith(f"--{name}="):
                found.append(argument.partition("=")[2])
            elif argument == f"--{name}":
                following = given[position + 1 : position + 2]
                found.append(following[0] if following and not following[0].startswith("-") else "true")
    return found


def value(deployment: Manifest | None, name: str) -> str | None:
    """The last value of the argument `--name`, as most programs read it; None without one."""
    found = values(deployment, name)
    return found[-1] if found else None


def variable(deployment: Manifest | None, name: str) -> str | None:
    """The environment variable `name` where its value stands in the Deployment; empty when it comes from elsewhere."""
    for container in _containers(deployment):
        for each in container.get("env") or ():
            if each["name"] == name:
                return str(each.get("value") or "")
    return None


def image(deployment: Manifest | None, container: str) -> str | None:
    """The image of the container of that name, else of the first."""
    there = _containers(deployment)
    named = [each for each in there if each["name"] == container]
    return str((named or there)[0].get("image", "")) if there else None


def is_ready(deployment: Manifest | None) -> bool:
    """Whether a pod of it is ready."""
    return bool(((deployment or {}).get("status") or {}).get("readyReplicas"))


def _containers(deployment: Manifest | None) -> list[dict[str, Any]]:
    if deployment is None:
        return []
    containers: list[dict[str, Any]] = deployment["spec"]["template"]["spec"]["containers"]
    return containers
