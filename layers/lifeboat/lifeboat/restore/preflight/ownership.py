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
    annotations = look.hosted_cluster["metadata"].get("annotations") or {}
    name = annotations.get(_IMPORTED_AS) or look.destination.hosted.name
    if _DEPLOYED_BY in annotations:
        yield (
            f"the HostedCluster belongs to HypershiftDeployment {annotations[_DEPLOYED_BY]} of ACM (annotation "
            f"{_DEPLOYED_BY}), which would make it anew: take it out of ACM's hands first"
        )
    for each in look.sides:
        yield from _imported(each, name)
        yield from _deployed(look, each)
    if look.source is not None:
        yield from _owned(look, look.source)


def _imported(cluster: ManagementCluster, name: str) -> Iterator[str]:
    """Its agents run where the hosted cluster runs, and its deletion would go on at the wrong side."""
    if cluster.get(MANAGED_CLUSTERS, None, name) is not None:
        yield f"ACM at {cluster.name} manages it as ManagedCluster {name}: detach it, import it again after the move"
    elif cluster.get(KLUSTERLETS, None, f"klusterlet-{name}") is not None:
        yield (
            f"{cluster.name} runs Klusterlet klusterlet-{name} for it: detach it from its ACM hub, import it again "
            "after the move"
        )


def _deployed(look: Look, cluster: ManagementCluster) -> Iterator[str]:
    """Hive deletes the cloud resources behind a ClusterDeployment that goes, unless it is told to preserve them."""
    infra_id = look.destination.record.infra_id
    for each in cluster.list_objects(CLUSTER_DEPLOYMENTS):
        metadata, spec = each["metadata"], each.get("spec") or {}
        if (spec.get("clusterMetadata") or {}).get("infraID") == infra_id and not spec.get("preserveOnDelete"):
            yield (
                f"Hive's ClusterDeployment {metadata['namespace']}/{metadata['name']} at {cluster.name} has the "
                f"infraID {infra_id} and would delete its instances when it goes: set spec.preserveOnDelete to true"
            )


def _owned(look: Look, source: ManagementCluster) -> Iterator[str]:
    hosted = look.destination.hosted
    live: Manifest | None = source.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    for owner in (live or {"metadata": {}})["metadata"].get("ownerReferences") or ():
        yield (
            f"HostedCluster {hosted} at {source.name} is owned by {owner['kind']} {owner['name']}, which would make it "
            "anew after its deletion: take it out of those hands first"
        )
