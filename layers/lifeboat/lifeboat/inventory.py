"""The graph: which objects belong to one hosted cluster. `export` acts on it; nothing here writes.

A hosted cluster shares its namespace with others, some of whose names begin alike: belonging is decided by references,
labels and exact names, never by a prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lifeboat.errors import PreflightError
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.reconciliation import node_pools_of
from lifeboat.resources import (
    AWS_CLUSTERS,
    AWS_ENDPOINT_SERVICES,
    AWS_MACHINE_TEMPLATES,
    AWS_MACHINES,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CLUSTERS,
    CONFIG_MAPS,
    HOSTED_CLUSTERS,
    HOSTED_CONTROL_PLANES,
    MACHINE_DEPLOYMENTS,
    MACHINE_HEALTH_CHECKS,
    MACHINE_SETS,
    MACHINES,
    NODE_POOLS,
    ROUTES,
    SECRETS,
    Resource,
)

CLUSTER_NAME_LABEL = "cluster.x-k8s.io/cluster-name"
REFERENCED = "referenced-resource.hypershift.openshift.io/"
"""Annotation (followed by the HostedCluster's name) that the operator sets on what a HostedCluster refers to."""

OWNER_NAMESPACE, OWNER_NAME = "hypershift.openshift.io/owner.namespace", "hypershift.openshift.io/owner.name"

WHOLE_KIND = (AWS_MACHINE_TEMPLATES, MACHINE_DEPLOYMENTS, MACHINE_SETS, MACHINES, AWS_MACHINES)
"""Kinds of Cluster API that are taken by label, or, where no label stands, because the namespace is this cluster's."""

RECORDS = (MACHINE_HEALTH_CHECKS, AWS_ENDPOINT_SERVICES, ROUTES)
"""Kinds of the control-plane namespace that are kept as a record: controllers make them again at the destination."""

_REGENERATED_TYPES = {
    "kubernetes.io/dockercfg",  # of the source's image registry
    "kubernetes.io/dockerconfigjson",  # pull-secret: the operator copies it again from the HostedCluster's namespace
    "kubernetes.io/service-account-token",  # of the source's own API
}
_IGNITION_CONFIG = "hypershift.openshift.io/ignition-config"


@dataclass(frozen=True)
class Group:
    """All objects of one kind in one namespace that belong to the hosted cluster."""

    resource: Resource
    namespace: str | None
    objects: tuple[Manifest, ...]


@dataclass(frozen=True)
class Inventory:
    """All that belongs to one hosted cluster, owners before dependents, and references that lead nowhere."""

    groups: tuple[Group, ...]
    missing: tuple[str, ...]

    def of(self, resource: Resource) -> list[Manifest]:
        return [each for group in self.groups if group.resource == resource for each in group.objects]


def collect(cluster: ManagementCluster, hosted: HostedClusterRef) -> Inventory:
    """Read everything, one LIST per kind and namespace.

    Raises PreflightError when the HostedCluster is gone.
    """
    hosted_cluster = cluster.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    if hosted_cluster is None:
        msg = f"there is no HostedCluster {hosted} on {cluster.name}"
        raise PreflightError(msg)
    infra_id = hosted_cluster["spec"]["infraID"]
    node_pools = node_pools_of(cluster, hosted)
    pool_names = [each["metadata"]["name"] for each in node_pools]
    names = sorted({name for each in (hosted_cluster, *node_pools) for name in references(each["spec"])})
    inner = hosted.control_plane_namespace

    secrets = _referred(cluster.list_objects(SECRETS, hosted.namespace), names, hosted)
    config_maps = _referred(cluster.list_objects(CONFIG_MAPS, hosted.namespace), names, hosted)
    found = {each["metadata"]["name"] for each in (*secrets, *config_maps)}
    inner_secrets = [each for each in cluster.list_objects(SECRETS, inner) if travels(each, pool_names)]
    groups = [
        Group(HOSTED_CLUSTERS, hosted.namespace, (hosted_cluster,)),
        Group(NODE_POOLS, hosted.namespace, tuple(node_pools)),
        Group(SECRETS, hosted.namespace, tuple(secrets)),
        Group(CONFIG_MAPS, hosted.namespace, tuple(config_maps)),
        Group(HOSTED_CONTROL_PLANES, inner, _named(cluster, HOSTED_CONTROL_PLANES, inner, hosted.name)),
        Group(SECRETS, inner, tuple(inner_secrets)),
        Group(CLUSTERS, inner, _named(cluster, CLUSTERS, inner, infra_id)),
        Group(AWS_CLUSTERS, inner, _named(cluster, AWS_CLUSTERS, inner, hosted.name)),
        *(Group(kind, inner, tuple(_of_cluster(cluster.list_objects(kind, inner), infra_id))) for kind in WHOLE_KIND),
        *(Group(kind, inner, tuple(cluster.list_objects(kind, inner))) for kind in RECORDS),
        *(
            Group(kind, None, tuple(each for each in cluster.list_objects(kind) if _owned_by_label(each, hosted)))
            for kind in (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS)
        ),
    ]
    missing = tuple(name for name in names if name not in found)
    return Inventory(tuple(group for group in groups if group.objects), missing)


def references(value: Any) -> Iterator[str]:
    """Names of all local object references below a spec: objects whose only field is `name`.

    By their form and not by a table of fields, so that a field of a newer HyperShift is followed too. Whether a Secret
    or a ConfigMap is meant, the caller finds by looking for either.
    """
    if isinstance(value, dict):
        if set(value) == {"name"} and isinstance(value["name"], str) and value["name"]:
            yield value["name"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def wanted_by_others(cluster: ManagementCluster, hosted: HostedClusterRef) -> Callable[[Manifest], bool]:
    """Whether something in the HostedCluster's namespace also serves another hosted cluster, such as a pull secret.

    It does when another HostedCluster or its NodePools refer to it, when the operator marked it for another one that is
    there (a mark for one that is not came with a backup and means nothing), or when something else owns it.
    """
    hosted_clusters = cluster.list_objects(HOSTED_CLUSTERS, hosted.namespace)
    others = [each for each in hosted_clusters if each["metadata"]["name"] != hosted.name]
    marks = {REFERENCED + each["metadata"]["name"] for each in others}
    node_pools = cluster.list_objects(NODE_POOLS, hosted.namespace)
    others += [each for each in node_pools if each["spec"].get("clusterName") != hosted.name]
    names = {name for each in others for name in references(each["spec"])}

    def wanted(manifest: Manifest) -> bool:
        metadata = manifest["metadata"]
        owners = [each for each in metadata.get("ownerReferences") or () if each["name"] != hosted.name]
        return metadata["name"] in names or bool(marks & set(metadata.get("annotations") or {})) or bool(owners)

    return wanted


def without_foreign_marks(annotations: Mapping[str, str], hosted: HostedClusterRef) -> dict[str, str]:
    """Annotations without the operator's marks for other hosted clusters of the source: they did not come along."""
    own = REFERENCED + hosted.name
    return {name: value for name, value in annotations.items() if name == own or not name.startswith(REFERENCED)}


def travels(secret: Manifest, node_pools: Sequence[str]) -> bool:
    """Whether a Secret of the control-plane namespace holds what cannot be made again.

    Left out: by type what belongs to the source's own registry or API (see `_REGENERATED_TYPES`); what the OAuth
    server's operator makes anew; ignition tokens, which the NodePool controller makes anew. `user-data-…` stays:
    Machines refer to it. ConfigMaps of that namespace hold CA bundles and settings that are all rebuilt.
    """
    metadata = secret["metadata"]
    name: str = metadata["name"]
    token = _IGNITION_CONFIG in (metadata.get("annotations") or {}) or any(
        name.startswith(f"token-{pool}-") for pool in node_pools
    )
    ours = name.startswith("lifeboat-")
    return not (secret.get("type") in _REGENERATED_TYPES or name.startswith("oauth-openshift") or token or ours)


def _referred(there: Sequence[Manifest], names: Sequence[str], hosted: HostedClusterRef) -> list[Manifest]:
    marked = REFERENCED + hosted.name
    return [
        each
        for each in there
        if each["metadata"]["name"] in names or marked in (each["metadata"].get("annotations") or {})
    ]


def _named(cluster: ManagementCluster, resource: Resource, namespace: str, name: str) -> tuple[Manifest, ...]:
    found = cluster.get(resource, namespace, name)
    return (found,) if found else ()


def _of_cluster(there: Sequence[Manifest], infra_id: str) -> list[Manifest]:
    """By label where there is one: AWSMachineTemplates carry none, and the namespace holds one cluster only."""
    return [
        each for each in there if (each["metadata"].get("labels") or {}).get(CLUSTER_NAME_LABEL, infra_id) == infra_id
    ]


def _owned_by_label(manifest: Manifest, hosted: HostedClusterRef) -> bool:
    """The operator labels cluster-scoped objects with their HostedCluster's namespace and name."""
    labels = manifest["metadata"].get("labels") or {}
    return (labels.get(OWNER_NAMESPACE), labels.get(OWNER_NAME)) == (hosted.namespace, hosted.name)
