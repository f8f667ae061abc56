"""Status of a HostedControlPlane, computed from what its namespace shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.client import DEPLOYMENTS, ROUTES, SERVICES, STATEFUL_SETS
from sandbox.hypershift import etcd_init
from sandbox.hypershift.names import endpoint_host, replicas_of
from sandbox.hypershift.publishing import balancer_host, balancers, routes
from sandbox.hypershift.workloads import COMPONENTS
from sandbox.objects import now, status_of, with_conditions
from sandbox.plan import API_PORT

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.hypershift.pausing import Pause
    from sandbox.hypershift.writer import Writer

Condition = tuple[str, str, str, str]


def control_plane_status(writer: Writer, control_plane: Object, pause: Pause, version: str | None) -> Object:
    """The whole status."""
    namespace = control_plane["metadata"]["namespace"]
    etcd = _etcd(writer, control_plane)
    api = _deployment(writer, namespace, "kube-apiserver", "KubeAPIServerAvailable")
    infrastructure = _infrastructure(writer, control_plane)
    available = all(each[1] == "True" for each in (etcd, api, infrastructure))
    missing = [name for name in COMPONENTS if not _has_all_replicas(writer.get(DEPLOYMENTS, name, namespace))]
    first_missing = next((each[3] for each in (infrastructure, etcd, api) if each[1] != "True"), "")
    conditions: list[Condition] = [
        etcd,
        api,
        infrastructure,
        ("Available", str(available), "AsExpected" if available else "NotReady", first_missing),
        _degraded(missing),
        ("ValidHostedControlPlaneConfiguration", "True", "AsExpected", "Configuration passes validation"),
        ("ValidReleaseInfo", str(version is not None), "AsExpected" if version else "UnknownRelease", ""),
        *_snapshot(writer, control_plane),
        pause.condition(),
    ]
    status = {
        **status_of(control_plane),
        "ready": available,
        "initialized": bool(status_of(control_plane).get("initialized")) or available,
        "kubeConfig": {"name": "admin-kubeconfig", "key": "kubeconfig"},
        "kubeadminPassword": {"name": "kubeadmin-password"},
        "releaseImage": control_plane["spec"]["releaseImage"],
        "conditions": with_conditions(status_of(control_plane).get("conditions"), conditions),
    }
    host = endpoint_host(control_plane["spec"], control_plane["metadata"]["name"], namespace)
    status["controlPlaneEndpoint"] = {"host": host, "port": API_PORT}
    if version is not None:
        status["version"] = version
        status["versionStatus"] = _version_status(control_plane, version, complete=available and not missing)
    return status


def _etcd(writer: Writer, control_plane: Object) -> Condition:
    etcd = writer.get(STATEFUL_SETS, "etcd", control_plane["metadata"]["namespace"])
    if etcd is None:
        return ("EtcdAvailable", "False", "StatefulSetNotFound", "Etcd StatefulSet not found")
    replicas = replicas_of(control_plane["spec"])
    ready = status_of(etcd).get("readyReplicas", 0)
    if ready >= replicas // 2 + 1:
        return ("EtcdAvailable", "True", "QuorumAvailable", "")
    return ("EtcdAvailable", "False", "EtcdWaitingForQuorum", f"{ready} of {replicas} etcd members are ready")


def _snapshot(writer: Writer, control_plane: Object) -> list[Condition]:
    etcd = writer.get(STATEFUL_SETS, "etcd", control_plane["metadata"]["namespace"]) or {}
    ready = status_of(etcd).get("readyReplicas", 0)
    return etcd_init.condition(writer, control_plane, replicas_of(control_plane["spec"]), ready)


def _deployment(writer: Writer, namespace: str, name: str, kind: str) -> Condition:
    found = writer.get(DEPLOYMENTS, name, namespace)
    if found is None:
        return (kind, "False", "NotFound", f"{name} deployment not found")
    if status_of(found).get("availableReplicas", 0) > 0:
        return (kind, "True", "AsExpected", f"{name} is available")
    return (kind, "False", "WaitingForAvailable", f"Waiting for {name} deployment to become available")


def _infrastructure(writer: Writer, control_plane: Object) -> Condition:
    namespace = control_plane["metadata"]["namespace"]
    kind = "InfrastructureReady"
    waiting = [
        *(
            f"{name} load balancer is not provisioned"
            for name in balancers(control_plane)
            if balancer_host(writer.get(SERVICES, name, namespace)) is None
        ),
        *(
            f"route {name} is not admitted"
            for name in (each["metadata"]["name"] for each in routes(control_plane))
            if not status_of(writer.get(ROUTES, name, namespace) or {}).get("ingress")
        ),
    ]
    if waiting:
        return (kind, "False", "WaitingOnInfrastructureReady", waiting[0])
    return (kind, "True", "AsExpected", "All is well")


def _has_all_replicas(found: Object | None) -> bool:
    return found is not None and status_of(found).get("availableReplicas", 0) >= found["spec"].get("replicas", 1) > 0


def _degraded(missing: list[str]) -> Condition:
    if missing:
        return (
            "Degraded",
            "True",
            "UnavailableReplicas",
            "; ".join(f"{name} has unavailable replicas" for name in missing),
        )
    return ("Degraded", "False", "AsExpected", "The hosted cluster is not degraded")


def _version_status(control_plane: Object, version: str, *, complete: bool) -> Object:
    image = control_plane["spec"]["releaseImage"]
    old = status_of(control_plane).get("versionStatus") or {}
    history = [dict(each) for each in old.get("history") or []]
    if not history or history[0]["image"] != image:
        started = {"state": "Partial", "startedTime": now(), "completionTime": None}
        history.insert(0, {**started, "version": version, "image": image, "verified": False})
    if complete and history[0]["state"] == "Partial":
        history[0] |= {"state": "Completed", "completionTime": now()}
    return {
        "desired": {"image": image, "version": version},
        "history": history,
        "observedGeneration": control_plane["metadata"].get("generation", 1),
        "availableUpdates": None,
    }
