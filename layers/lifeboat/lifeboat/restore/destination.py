"""The destination before the restore: is it fit, and the two namespaces.

All problems are told at once. What an earlier execution of this same operation left there is no problem: it goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lifeboat import dns, versions
from lifeboat.errors import ApiUnavailableError, PreflightError, RestoreFailedError
from lifeboat.model import Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.reconciliation import OPERATION
from lifeboat.resources import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    NAMESPACES,
    NODE_POOLS,
    NODES,
    SECRETS,
    STORAGE_CLASSES,
)
from lifeboat.restore.loading import Destination
from lifeboat.restore.objects import same_content

OPERATOR_NAMESPACE = "hypershift"
SUPPORTED_VERSIONS = "supported-versions"
CONTROL_PLANE_LABEL = "hypershift.openshift.io/hosted-control-plane"
"""Label of every control-plane namespace; the operator adds the rest when it meets the HostedCluster."""

ZONE = "topology.kubernetes.io/zone"


def preflight(destination: Destination, source: ManagementCluster) -> dict[str, Any]:
    """Look at everything that the restore rests on, change nothing.

    Returns `{handedOver}`: whether an earlier execution of this operation already created the HostedCluster, after
    which nothing before it may be touched again. Raises PreflightError with all problems.
    """
    problems = [
        *_leftovers(destination),
        *_operators(destination),
        *_owners_of_names(destination, source),
        *_schemas(destination),
        *_room(destination),
        *_release(destination),
        *_contents(destination),
    ]
    if problems:
        msg = f"{destination.cluster.name} is not fit to take {destination.hosted}: " + "; ".join(problems)
        raise PreflightError(msg)
    return {"handedOver": destination.live_hosted_cluster() is not None}


def create_namespaces(destination: Destination) -> dict[str, Any]:
    """The HostedCluster's namespace (others may live there) and the control-plane namespace, marked as ours."""
    shared = {"metadata": {"name": destination.hosted.namespace}}
    made = destination.cluster.create(NAMESPACES, shared) is not None
    own = {
        "metadata": {
            "name": destination.namespace,
            "labels": {CONTROL_PLANE_LABEL: "true"},
            "annotations": {OPERATION: destination.operation_id},
        }
    }
    if destination.cluster.create(NAMESPACES, own) is None:
        assert_own_namespace(destination)
    return {"createdSharedNamespace": made, "controlPlaneNamespace": destination.namespace}


def assert_own_namespace(destination: Destination) -> None:
    """Refuse a control-plane namespace that this operation did not make, or that is going away."""
    live = destination.cluster.get(NAMESPACES, None, destination.namespace)
    if not destination.is_ours(live) or (live and live["metadata"].get("deletionTimestamp")):
        msg = (
            f"namespace {destination.namespace} on {destination.cluster.name} is not this operation's, or is being "
            "deleted: wait until it is gone, or delete it if nothing uses it"
        )
        raise RestoreFailedError(msg)


def _leftovers(destination: Destination) -> Iterator[str]:
    hosted = destination.hosted
    namespace = destination.cluster.get(NAMESPACES, None, destination.namespace)
    ours = destination.is_ours(namespace)
    live = destination.live_hosted_cluster()
    if live is not None and not (ours and live["spec"].get("infraID") == destination.record.infra_id):
        yield f"HostedCluster {hosted} exists there already"
    if namespace is not None and not ours:
        yield f"namespace {destination.namespace} exists there already: delete it if it is a leftover"
    if namespace is not None and namespace["metadata"].get("deletionTimestamp"):
        yield f"namespace {destination.namespace} is still being deleted there: wait until it is gone"
    if not ours:
        names = [
            each["metadata"]["name"]
            for each in destination.cluster.list_objects(NODE_POOLS, hosted.namespace)
            if each["spec"].get("clusterName") == hosted.name
        ]
        if names:
            yield f"NodePools of {hosted} exist there already: {', '.join(names)}"
    shared = destination.cluster.get(NAMESPACES, None, hosted.namespace)
    if shared and shared["metadata"].get("deletionTimestamp"):
        yield f"namespace {hosted.namespace} is being deleted there"
    yield from _clashes(destination)


def _clashes(destination: Destination) -> Iterator[str]:
    """Secrets and ConfigMaps of the shared namespace that exist with other content."""
    for resource in (SECRETS, CONFIG_MAPS):
        for exported in destination.manifests(resource):
            metadata = exported["metadata"]
            if metadata.get("namespace") != destination.hosted.namespace:
                continue
            live = destination.cluster.get(resource, metadata["namespace"], metadata["name"])
            if live is not None and not destination.is_ours(live) and not same_content(live, exported):
                yield f"{resource.kind} {metadata['namespace']}/{metadata['name']} exists there with other content"


def _operators(destination: Destination) -> Iterator[str]:
    operator = destination.cluster.get(DEPLOYMENTS, OPERATOR_NAMESPACE, "operator")
    if operator is None or not (operator.get("status") or {}).get("readyReplicas"):
        yield f"the HyperShift operator (Deployment {OPERATOR_NAMESPACE}/operator) is not ready"
    names = destination.state.hostnames
    if not names:
        return
    external_dns = destination.cluster.get(DEPLOYMENTS, OPERATOR_NAMESPACE, "external-dns")
    if external_dns is None or not (external_dns.get("status") or {}).get("readyReplicas"):
        yield f"ExternalDNS (Deployment {OPERATOR_NAMESPACE}/external-dns) is not ready: public names would not move"
        return
    domains = [
        argument.partition("=")[2]
        for container in external_dns["spec"]["template"]["spec"]["containers"]
        for argument in [*(container.get("command") or ()), *(container.get("args") or ())]
        if argument.startswith("--domain-filter=")
    ]
    for name in names:
        if domains and not any(name == domain or name.endswith(f".{domain}") for domain in domains):
            yield f"ExternalDNS there does not manage {name} (its domains: {', '.join(domains)})"


def _owners_of_names(destination: Destination, source: ManagementCluster) -> Iterator[str]:
    """Two ExternalDNS of one id take each other's names for leftovers of their own and withdraw them."""
    if not destination.state.hostnames:
        return
    try:
        at_source = dns.find_owner_id(source)
    except ApiUnavailableError:
        return  # one that does not answer: whether it may be left out, the fence decides
    if at_source is not None and dns.find_owner_id(destination.cluster) == at_source:
        yield (
            f"ExternalDNS there and at {source.name} have the same --txt-owner-id={at_source}: each would withdraw the "
            "other's names; give one of them an id of its own"
        )


def _schemas(destination: Destination) -> Iterator[str]:
    yield from versions.not_taken(destination.cluster, destination.state.crd_storage_versions)


def _room(destination: Destination) -> Iterator[str]:
    storage_class = destination.state.etcd["storageClass"]
    if storage_class and destination.cluster.get(STORAGE_CLASSES, None, storage_class) is None:
        yield f"StorageClass {storage_class} does not exist"
    wanted = destination.exported_hosted_cluster()["spec"].get("nodeSelector") or {}
    zones = ready_zones(destination.cluster, wanted)
    members = int(destination.state.etcd["members"])
    if len(zones) < members:
        yield f"{members} members of etcd need Ready nodes in {members} zones, there are {len(zones)}"


def ready_zones(cluster: ManagementCluster, node_selector: dict[str, str]) -> list[str]:
    """Zones with a Ready, schedulable node that carries these labels."""
    zones = set()
    for node in cluster.list_objects(NODES):
        labels = node["metadata"].get("labels") or {}
        conditions = (node.get("status") or {}).get("conditions") or ()
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        fits = all(labels.get(name) == value for name, value in node_selector.items())
        if ready and fits and not node.get("spec", {}).get("unschedulable") and ZONE in labels:
            zones.add(labels[ZONE])
    return sorted(zones)


def _release(destination: Destination) -> Iterator[str]:
    """An operator refuses to reconcile a release that it does not list: the hosted cluster would never come up."""
    name = f"ConfigMap {OPERATOR_NAMESPACE}/{SUPPORTED_VERSIONS}"
    found = destination.cluster.get(CONFIG_MAPS, OPERATOR_NAMESPACE, SUPPORTED_VERSIONS)
    if found is None:
        yield f"{name} does not exist: is the operator running?"
        return
    supported = _supported_versions(found)
    version = destination.state.release_version
    if supported is None:
        yield f"{name} lists no versions that can be read: is the operator of HyperShift healthy?"
    elif not version:
        yield (
            f"the source's HostedCluster did not tell the version of its release {destination.state.release_image}, so "
            f"it cannot be compared with {name}: back it up again once its status shows the version"
        )
    elif ".".join(version.split(".")[:2]) not in supported:
        yield (
            f"the HyperShift operator there does not support release {version} (it supports "
            f"{', '.join(supported) or 'none'}): install one there that does"
        )


def _supported_versions(config_map: Manifest) -> list[str] | None:
    """Minor versions such as `4.17`, as the operator writes them: `{"versions": […]}` below its own name."""
    try:
        listed = json.loads((config_map.get("data") or {})[SUPPORTED_VERSIONS])["versions"]
        return [str(each) for each in listed]
    except (KeyError, TypeError, ValueError):
        return None


def _contents(destination: Destination) -> Iterator[str]:
    """What no restore can do without."""
    hosted = destination.exported_hosted_cluster()
    name = (hosted["spec"].get("pullSecret") or {}).get("name")
    if pull_secret(destination) is None:
        yield f"the backup lacks the pull secret {name}"
    inside = {
        each["metadata"]["name"]
        for each in destination.manifests(SECRETS)
        if each["metadata"].get("namespace") == destination.namespace
    }
    for identity in ("root-ca", "sa-signing-key"):
        if identity not in inside:
            yield f"the backup lacks Secret {identity}: the cluster would get a new identity and lose its nodes"


def pull_secret(destination: Destination) -> Manifest | None:
    """The exported pull secret of the HostedCluster."""
    name = (destination.exported_hosted_cluster()["spec"].get("pullSecret") or {}).get("name")
    wanted = (destination.hosted.namespace, name)
    for each in destination.manifests(SECRETS):
        if (each["metadata"].get("namespace"), each["metadata"]["name"]) == wanted:
            return each
    return None
