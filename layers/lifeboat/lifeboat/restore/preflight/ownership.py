"""Who else manages the hosted cluster: fleet managers that would bring it back, or delete what was moved."""

from __future__ import annotations

from collections.abc import Iterator

from lifeboat.model import Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import HOSTED_CLUSTERS, Resource
from lifeboat.restore.preflight.look import Look

MANAGED_CLUSTERS = Resource(
    "cluster.open-cluster-management.io", "v1", "managedclusters", "ManagedCluster", namespaced=False
)
KLUSTERLETS = Resource("operator.open-cluster-management.io", "v1", "klusterlets", "Klusterlet", namespaced=False)
CLUSTER_DEPLOYMENTS = Resource("hive.openshift.io", "v1", "clusterdeployments", "ClusterDeployment")
"""Kinds of ACM and Hive: looked at, never changed."""

_IMPORTED_AS = "cluster.open-cluster-management.io/managedcluster-name"
_DEPLOYED_BY = "cluster.open-cluster-management.io/hypershiftdeployment"


def problems(look: Look) -> Iterator[str]:
    """ACM's import and Hive's deployment on both sides, and whatever owns the HostedCluster at the source."""
    for each in look.sides:
        yield from managers(each, look.hosted_cluster)
    if look.source is not None:
        hosted = look.destination.hosted
        yield from owners(look.source, look.source.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name))


def managers(cluster: ManagementCluster, hosted_cluster: Manifest) -> Iterator[str]:
    """Who manages this hosted cluster from there."""
    annotations = hosted_cluster["metadata"].get("annotations") or {}
    if _DEPLOYED_BY in annotations:
        yield (
            f"the HostedCluster belongs to HypershiftDeployment {annotations[_DEPLOYED_BY]} of ACM (annotation "
            f"{_DEPLOYED_BY}), which {cluster.name} would act on: take it out of ACM's hands first"
        )
    yield from _imported(cluster, str(annotations.get(_IMPORTED_AS) or hosted_cluster["metadata"]["name"]))
    yield from _deployed(cluster, str(hosted_cluster["spec"].get("infraID")))


def owners(cluster: ManagementCluster, live: Manifest | None) -> Iterator[str]:
    """Who would make the HostedCluster anew there after its deletion."""
    if live is None:
        return
    metadata = live["metadata"]
    for owner in metadata.get("ownerReferences") or ():
        yield (
            f"HostedCluster {metadata['namespace']}/{metadata['name']} at {cluster.name} is owned by {owner['kind']} "
            f"{owner['name']}, which would make it anew after its deletion: take it out of those hands first"
        )


def _imported(cluster: ManagementCluster, name: str) -> Iterator[str]:
    """Its agents run where the hosted cluster runs, and its deletion would go on at the wrong side."""
    if cluster.get(MANAGED_CLUSTERS, None, name) is not None:
        yield f"ACM at {cluster.name} manages it as ManagedCluster {name}: detach it, import it again after the move"
    elif cluster.get(KLUSTERLETS, None, f"klusterlet-{name}") is not None:
        yield (
            f"{cluster.name} runs Klusterlet klusterlet-{name} for it: detach it from its ACM hub, import it again "
            "after the move"
        )


def _deployed(cluster: ManagementCluster, infra_id: str) -> Iterator[str]:
    """Hive deletes the cloud resources behind a ClusterDeployment that goes, unless it is told to preserve them."""
    for each in cluster.list_objects(CLUSTER_DEPLOYMENTS):
        metadata, spec = each["metadata"], each.get("spec") or {}
        if (spec.get("clusterMetadata") or {}).get("infraID") == infra_id and not spec.get("preserveOnDelete"):
            yield (
                f"Hive's ClusterDeployment {metadata['namespace']}/{metadata['name']} at {cluster.name} has the "
                f"infraID {infra_id} and would delete its instances when it goes: set spec.preserveOnDelete to true"
            )
