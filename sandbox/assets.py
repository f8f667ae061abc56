"""Kubernetes' own programs, found as the ecosystem does it: `KUBEBUILDER_ASSETS`, then what `make kube` built.

`setup-envtest` brings kube-apiserver, etcd and kubectl; the rest comes from `make kube` in any case.
"""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kubectl", "etcd", "etcdctl", "etcdutl", "exec-server")
ETCD = ("etcd", "etcdctl", "etcdutl")
_MODULES = Path(__file__).parents[1] / "tests" / "binaries"
_PINS = (("kubernetes", r"k8s\.io/kubernetes (v\S+)"), ("etcd", r"go\.etcd\.io/etcd/server/v3 (v\S+)"))
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class AssetsError(Exception):
    """A program or a definition is missing; the message says which, and what to do."""


def cache() -> Path:
    """The folder that `make kube` fills."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    machine = _MACHINES.get(platform.machine(), platform.machine())
    name = "-".join(f"{module}-{_pinned(module, pin)}" for module, pin in _PINS)
    return Path(base).absolute() / "lifeboat" / f"{name}-{machine}"


def _pinned(module: str, pin: str) -> str:
    found = re.search(pin, (_MODULES / module / "go.mod").read_text(encoding="utf-8"))
    if found is None:
        msg = f"tests/binaries/{module}/go.mod pins no version"
        raise AssetsError(msg)
    return found[1]


def etcd() -> str:
    """A folder with etcd, etcdctl and etcdutl: what `make kube` built, if possible. Raises AssetsError.

    One folder, so that they are of one version: `setup-envtest` brings an etcd without the others.
    """
    folders = [cache(), *_given()]
    for folder in folders:
        if all(os.access(folder / name, os.X_OK) for name in ETCD):
            return str(folder)
    raise _missing([name for name in ETCD if not os.access(cache() / name, os.X_OK)], folders)


def find() -> dict[str, str]:
    """Every program of PROGRAMS and its path. Raises AssetsError when one is missing, or `etcd` has no folder."""
    folders = [*_given(), cache()]
    found = {}
    for name in PROGRAMS:
        for folder in folders:
            if os.access(folder / name, os.X_OK):
                found[name] = str(folder / name)
                break
    if missing := [name for name in PROGRAMS if name not in found]:
        raise _missing(missing, folders)
    etcd()
    return found


def definitions() -> str | None:
    """The folder of published definitions that LIFEBOAT_CRDS names. Raises AssetsError when no YAML file is in it."""
    given = os.environ.get("LIFEBOAT_CRDS")
    if not given:
        return None
    if not any(Path(given).glob("*.y*ml")):
        msg = f"LIFEBOAT_CRDS names {given}, where no YAML file is: name the folder of the definitions, or unset it"
        raise AssetsError(msg)
    return str(Path(given).resolve())


def _given() -> list[Path]:
    given = os.environ.get("KUBEBUILDER_ASSETS")
    return [Path(given).absolute()] if given else []


def _missing(names: list[str], folders: list[Path]) -> AssetsError:
    where = " or ".join(map(str, folders))
    return AssetsError(f"no {', '.join(names)} in {where}: `make kube` builds them (with Go, once)")


def available() -> bool:
    """Whether the real backend can run here."""
    try:
        find()
    except AssetsError:
        return False
    return True


if __name__ == "__main__":
    print(cache())
