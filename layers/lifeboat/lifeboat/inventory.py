"""The graph: which objects belong to one hosted cluster. `export` acts on it; nothing here writes.

A hosted cluster shares its namespace with others, some of whose names begin alike: belonging is decided by references,
labels and exact names, never by a prefix. Read with one LIST per kind and namespace, several at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lifeboat import listings
from lifeboat.errors import PreflightError
from lifeboat.listings import Listings, Query
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.references import references, referred
from lifeboat.resources import (
    AWS_CLUSTERS,
    AWS_ENDPOINT_SERVICES,
    AWS_MACHINE_TEMPLATES,
    AWS_MACHINES,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CLUSTERS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    HOSTED_CLUSTERS,
    HOSTED_CONTROL_PLANES,
    MACHINE_DEPLOYMENTS,
    MACHINE_HEALTH_CHECKS,
    MACHINE_SETS,
    MACHINES,
    NODE_POOLS,
    ROUTES,
    SECRETS,
    STATEFUL_SETS,
    Resource,
)

CLUSTER_NAME_LABEL = "cluster.x-k8s.io/cluster-name"
OWNER_NAMESPACE, OWNER_NAME = "hypershift.openshift.io/owner.namespace", "hypershift.openshift.io/owner.name"

WHOLE_KIND = (AWS_MACHINE_TEMPLATES, MACHINE_DEPLOYMENTS, MACHINE_SETS, MACHINES, AWS_MACHINES)
"""Kinds of Cluster API that are taken by label, or, where no label stands, because the namespace is this cluster's."""

RECORDS = (MACHINE_HEALTH_CHECKS, AWS_ENDPOINT_SERVICES, ROUTES)
"""Kinds of the control-plane namespace of which only a record is kept: controllers make them at the destination."""

CLUSTER_SCOPED = (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS)
"""Records as well, taken by the operator's labels."""

WORKLOADS = (DEPLOYMENTS, STATEFUL_SETS)
"""Of these only names, replica counts and images are recorded."""

_OUTER = (NODE_POOLS, SECRETS, CONFIG_MAPS)
_INNER = (HOSTED_CLUSTERS, HOSTED_CONTROL_PLANES, SECRETS, CLUSTERS, AWS_CLUSTERS, *WHOLE_KIND, *RECORDS, *WORKLOADS)

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
    """All that belongs to one hosted cluster.

    `groups`: what is exported to be created elsewhere, owners before dependents. `records`: what is only written down.
    `missing`: names in the HostedCluster's or its NodePools' specs that lead nowhere. `dangling`: owners and references
    of exported objects that were not there, in words. `left_out`: what belongs and is not exported, with the reason.
    """

    groups: tuple[Group, ...]
    records: tuple[Group, ...]
    workloads: tuple[Group, ...]
    missing: tuple[str, ...]
    dangling: tuple[str, ...]
    read: Listings
    left_out: tuple[str, ...] = ()

    def of(self, resource: Resource) -> list[Manifest]:
        groups = (*self.groups, *self.records)
        return [each for group in groups if group.resource == resource for each in group.objects]


def collect(cluster: ManagementCluster, hosted: HostedClusterRef) -> Inventory:
    """Read everything. Each LIST is of one moment, all of them are not: read once more when they do not fit together.

    Raises PreflightError when the HostedCluster is gone, or when another one lives in its control-plane namespace.
    """
    found = _collect(cluster, hosted)
    return _collect(cluster, hosted) if found.dangling else found


def _collect(cluster: ManagementCluster, hosted: HostedClusterRef) -> Inventory:
    outer, inner = hosted.namespace, hosted.control_plane_namespace
    labels = f"{OWNER_NAMESPACE}={hosted.namespace},{OWNER_NAME}={hosted.name}"
    read = listings.read(
        cluster,
        (HOSTED_CLUSTERS, outer, hosted.name),
        [
            *(Query(resource, outer) for resource in _OUTER),
            *(Query(resource, inner) for resource in _INNER),
            *(Query(resource, None, labels) for resource in CLUSTER_SCOPED),
        ],
    )
    hosted_cluster = read.single
    if hosted_cluster is None:
        msg = f"there is no HostedCluster {hosted} on {cluster.name}"
        raise PreflightError(msg)
    _refuse_lodgers(read, hosted)
    infra_id = hosted_cluster["spec"]["infraID"]
    node_pools = [each for each in read.of(NODE_POOLS, outer) if each["spec"].get("clusterName") == hosted.name]
    pool_names = [each["metadata"]["name"] for each in node_pools]
    names = sorted({name for each in (hosted_cluster, *node_pools) for name in references(each["spec"])})
    secrets = referred(read.of(SECRETS, outer), names, hosted)
    config_maps = referred(read.of(CONFIG_MAPS, outer), names, hosted)
    found = {each["metadata"]["name"] for each in (*secrets, *config_maps)}
    groups = [
        Group(HOSTED_CLUSTERS, outer, (hosted_cluster,)),
        Group(NODE_POOLS, outer, tuple(node_pools)),
        Group(SECRETS, outer, tuple(secrets)),
        Group(CONFIG_MAPS, outer, tuple(config_maps)),
        Group(HOSTED_CONTROL_PLANES, inner, _named(read.of(HOSTED_CONTROL_PLANES, inner), hosted.name)),
        Group(SECRETS, inner, tuple(each for each in read.of(SECRETS, inner) if travels(each, pool_names))),
        Group(CLUSTERS, inner, _named(read.of(CLUSTERS, inner), infra_id)),
        Group(AWS_CLUSTERS, inner, _named(read.of(AWS_CLUSTERS, inner), hosted.name)),
        *(Group(kind, inner, _of_cluster(read.of(kind, inner), infra_id)) for kind in WHOLE_KIND),
    ]
    records = [
        *(Group(kind, inner, tuple(read.of(kind, inner))) for kind in RECORDS),
        *(Group(kind, None, tuple(read.of(kind, None))) for kind in CLUSTER_SCOPED),
    ]
    return Inventory(
        groups=_filled(groups),
        records=_filled(records),
        workloads=_filled([Group(kind, inner, tuple(read.of(kind, inner))) for kind in WORKLOADS]),
        missing=tuple(name for name in names if name not in found),
        dangling=tuple(listings.dangling(read, [each for group in groups for each in group.objects])),
        read=read,
    )


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


def _refuse_lodgers(read: Listings, hosted: HostedClusterRef) -> None:
    """Its name may be made of other namespaces and names as well: `a-b` and `c`, or `a` and `b.c`."""
    inner = hosted.control_plane_namespace
    lodgers = [
        *(f"HostedCluster {each['metadata']['name']}" for each in read.of(HOSTED_CLUSTERS, inner)),
        *(
            f"HostedControlPlane {each['metadata']['name']}"
            for each in read.of(HOSTED_CONTROL_PLANES, inner)
            if each["metadata"]["name"] != hosted.name
        ),
    ]
    if lodgers:
        msg = (
            f"namespace {inner} of {hosted} also holds {', '.join(lodgers)}: what is whose cannot be told, "
            "move the other one away first"
        )
        raise PreflightError(msg)


def _filled(groups: Sequence[Group]) -> tuple[Group, ...]:
    return tuple(group for group in groups if group.objects)


def _named(there: Sequence[Manifest], name: str) -> tuple[Manifest, ...]:
    return tuple(each for each in there if each["metadata"]["name"] == name)


def _of_cluster(there: Sequence[Manifest], infra_id: str) -> tuple[Manifest, ...]:
    """By label where there is one: AWSMachineTemplates carry none, and the namespace holds one cluster only."""
    return tuple(each for each in there if _labels(each).get(CLUSTER_NAME_LABEL, infra_id) == infra_id)


def _labels(manifest: Manifest) -> Mapping[str, str]:
    labels: Mapping[str, str] = manifest["metadata"].get("labels") or {}
    return labels
