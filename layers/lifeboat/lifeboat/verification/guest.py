"""The hosted API itself: a write by its public name, as its clients write, found again in the destination's etcd."""

from __future__ import annotations

from lifeboat.edits import edit
from lifeboat.errors import (
    ApiUnavailableError,
    ConflictError,
    EtcdNotReadyError,
    ExecIncompleteError,
    ObjectRefusedError,
)
from lifeboat.etcd import members
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import CONFIG_MAPS
from lifeboat.verification import Finding

_NAMESPACE, _NAME = "default", "lifeboat-probe"
_KEY = f"/kubernetes.io/configmaps/{_NAMESPACE}/{_NAME}"
"""Where a hosted kube-apiserver keeps it: HyperShift's storage prefix is `kubernetes.io`."""

_AWAY = (ApiUnavailableError, ConflictError, ObjectRefusedError)
_SILENT = (ApiUnavailableError, EtcdNotReadyError, ExecIncompleteError, ObjectRefusedError)


def verify(
    guest: ManagementCluster, destination: ManagementCluster, hosted: HostedClusterRef, operation_id: str
) -> Finding:
    """Create a ConfigMap, read it back and delete it: answering reads alone is what a read-only API does as well.

    That it was the destination that answered is proven by its etcd, which holds the very revision that the API named:
    a name, or an address, only says who should have answered.
    """
    wanted = {"operation": operation_id}
    try:
        guest.create(CONFIG_MAPS, {"metadata": {"namespace": _NAMESPACE, "name": _NAME}, "data": wanted})
        edit(guest, CONFIG_MAPS, _NAMESPACE, _NAME, lambda _: {"data": wanted})
        found = guest.get(CONFIG_MAPS, _NAMESPACE, _NAME)
        if found is None or found.get("data") != wanted:
            return Finding(not_yet=["the hosted API to keep what is written"])
        doubt = _doubt(destination, hosted, found)
        guest.delete(CONFIG_MAPS, _NAMESPACE, _NAME, uid=found["metadata"]["uid"])
    except _AWAY:
        return Finding(not_yet=["the hosted API to take a write by its public name"])
    return Finding(not_yet=[doubt]) if doubt else Finding({"hostedApiWrites": True, "answeredBy": destination.name})


def _doubt(destination: ManagementCluster, hosted: HostedClusterRef, written: Manifest) -> str | None:
    """Why it is not proven that this was written to the destination; None when it is."""
    try:
        pods = members.pods(destination, hosted.control_plane_namespace)
        if not pods:
            return "a member of etcd to look for what was written"
        said = members.etcdctl(destination, pods[0], "get", _KEY, "-w", "json")
        held = said.json().get("kvs") or () if not said.exit_code else None
    except _SILENT:
        held = None
    if held is None:
        return "etcd to tell whether it holds what was written"
    if [str(each["mod_revision"]) for each in held] == [written["metadata"]["resourceVersion"]]:
        return None
    return f"{destination.name} to answer under the public name (its etcd does not hold what was just written there)"
