"""The guest after a move: its network pods keep connections to the control plane that is gone.

OVN's pods are renewed node by node, so that one node at a time has a short blip and not all at once. Only hosted
clusters with a public endpoint need it: the private ones keep their endpoint.
"""

from __future__ import annotations

import base64
import binascii
import datetime
from collections import defaultdict

from lifeboat.errors import PreflightError
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import HOSTED_CLUSTERS, PODS, SECRETS

NETWORK_NAMESPACE = "openshift-ovn-kubernetes"
_PUBLIC = ("Public", "PublicAndPrivate")


def admin_kubeconfig(cluster: ManagementCluster, hosted: HostedClusterRef) -> str:
    """The kubeconfig (YAML, a credential: never log it) of the hosted API's administrator.

    Raises PreflightError when the management cluster does not hold it (yet).
    """
    secret = cluster.get(SECRETS, hosted.namespace, f"{hosted.name}-admin-kubeconfig")
    try:
        return base64.b64decode((secret or {})["data"]["kubeconfig"], validate=True).decode()
    except (KeyError, binascii.Error, UnicodeDecodeError):
        msg = f"{cluster.name} has no Secret {hosted}-admin-kubeconfig with a kubeconfig: is the control plane up?"
        raise PreflightError(msg) from None


def needs_new_network(destination: ManagementCluster, hosted: HostedClusterRef) -> bool:
    """Whether the guest reaches its control plane by public names."""
    cluster = destination.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    platform = ((cluster or {}).get("spec", {}).get("platform") or {}).get("aws") or {}
    return platform.get("endpointAccess", "Public") in _PUBLIC


def renew_network(guest: ManagementCluster, since: datetime.datetime) -> list[str]:
    """One step: delete the network pods of one node that are older than `since`, once all other nodes are well.

    Returns what is still to come, [] when every node has new, ready pods. Calling it again goes on.
    """
    by_node: defaultdict[str, list[Manifest]] = defaultdict(list)
    for pod in guest.list_objects(PODS, NETWORK_NAMESPACE):
        by_node[pod["spec"].get("nodeName", "")].append(pod)
    renewing = sorted(
        node
        for node, pods in by_node.items()
        if any(
            pod["metadata"].get("deletionTimestamp") or (not _is_old(pod, since) and not _is_ready(pod)) for pod in pods
        )
    )
    if renewing:
        return [f"the new network pod of node {node}" for node in renewing]
    old = sorted(node for node, pods in by_node.items() if any(_is_old(pod, since) for pod in pods))
    for pod in by_node[old[0]] if old else ():
        if _is_old(pod, since):
            guest.delete(PODS, NETWORK_NAMESPACE, pod["metadata"]["name"], uid=pod["metadata"]["uid"])
    after = f", {len(old) - 1} after it" if len(old) > 1 else ""
    return [f"the new network pod of node {old[0]}{after}"] if old else []


def _is_old(pod: Manifest, since: datetime.datetime) -> bool:
    return datetime.datetime.fromisoformat(pod["metadata"]["creationTimestamp"]) < since


def _is_ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
