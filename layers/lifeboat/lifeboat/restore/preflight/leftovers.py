"""What bears the same name at the destination already: never deleted, always refused."""

from __future__ import annotations

from collections.abc import Iterator

from lifeboat.inventory import OWNER_NAME, OWNER_NAMESPACE
from lifeboat.resources import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CONFIG_MAPS,
    HOSTED_CLUSTERS,
    NAMESPACES,
    NODE_POOLS,
    PERSISTENT_VOLUMES,
    SECRETS,
)
from lifeboat.restore.objects import same_content
from lifeboat.restore.preflight.look import Look


def problems(look: Look) -> Iterator[str]:
    """Objects of this name or identity that this operation did not make, and namespaces that are going away."""
    yield from _hosted_clusters(look)
    yield from _namespaces(look)
    if not look.ours:
        yield from _node_pools(look)
        yield from _cluster_scoped(look)
        yield from _volumes(look)
    yield from _clashes(look)


def _hosted_clusters(look: Look) -> Iterator[str]:
    """Its own name, its identity under another name, and one that would live in the same control-plane namespace."""
    hosted, infra_id = look.destination.hosted, look.destination.record.infra_id
    for each in look.cluster.list_objects(HOSTED_CLUSTERS):
        metadata = each["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        told = f"HostedCluster {namespace}/{name}"
        same_identity = each["spec"].get("infraID") == infra_id
        if (namespace, name) == (hosted.namespace, hosted.name):
            if not (look.ours and same_identity):
                yield f"{told} exists there already: look whose it is"
        elif same_identity:
            yield f"{told} has the same infraID {infra_id} there: both would own the same instances, look whose it is"
        elif f"{namespace}-{name.replace('.', '-')}" == look.destination.namespace:
            yield f"{told} has the same control-plane namespace {look.destination.namespace} there: move it away first"


def _namespaces(look: Look) -> Iterator[str]:
    own, hosted = look.namespace, look.destination.hosted
    if own is not None and not look.ours:
        yield f"namespace {look.destination.namespace} exists there already: delete it if it is a leftover"
    if own is not None and own["metadata"].get("deletionTimestamp"):
        yield f"namespace {look.destination.namespace} is still being deleted there: wait until it is gone"
    shared = look.cluster.get(NAMESPACES, None, hosted.namespace)
    if shared and shared["metadata"].get("deletionTimestamp"):
        yield f"namespace {hosted.namespace} is being deleted there: wait until it is gone"


def _node_pools(look: Look) -> Iterator[str]:
    hosted = look.destination.hosted
    exported = {each["metadata"]["name"] for each in look.destination.manifests(NODE_POOLS)}
    there = look.cluster.list_objects(NODE_POOLS, hosted.namespace)
    own = [each["metadata"]["name"] for each in there if each["spec"].get("clusterName") == hosted.name]
    others = [
        f"{each['metadata']['name']} (of {each['spec'].get('clusterName')})"
        for each in there
        if each["metadata"]["name"] in exported and each["metadata"]["name"] not in own
    ]
    if own:
        yield f"NodePools of {hosted} exist there already: {', '.join(own)}; look whose they are"
    if others:
        yield f"NodePools of another hosted cluster have the same names there: {', '.join(others)}; rename those"


def _cluster_scoped(look: Look) -> Iterator[str]:
    """What the operator made for an earlier hosted cluster of this name, and a forced teardown left behind."""
    hosted = look.destination.hosted
    labels = f"{OWNER_NAMESPACE}={hosted.namespace},{OWNER_NAME}={hosted.name}"
    for resource in (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS):
        names = [each["metadata"]["name"] for each in look.cluster.list_objects(resource, labels=labels)]
        if names:
            yield f"{resource.kind} {', '.join(names)} is a leftover of {hosted} there: delete it"


def _volumes(look: Look) -> Iterator[str]:
    """A volume that was kept for one of the claims would be bound with whatever it holds."""
    wanted = {f"data-etcd-{ordinal}" for ordinal in range(look.destination.record.snapshot.members)}
    for each in look.cluster.list_objects(PERSISTENT_VOLUMES):
        claim = each["spec"].get("claimRef") or {}
        if claim.get("namespace") == look.destination.namespace and claim.get("name") in wanted:
            yield (
                f"PersistentVolume {each['metadata']['name']} is kept there for claim {claim['namespace']}/"
                f"{claim['name']}: delete it if nobody needs its data, or take its claimRef off"
            )


def _clashes(look: Look) -> Iterator[str]:
    """Secrets and ConfigMaps of the shared namespace that exist with other content."""
    destination = look.destination
    for resource in (SECRETS, CONFIG_MAPS):
        for exported in destination.manifests(resource):
            metadata = exported["metadata"]
            if metadata.get("namespace") != destination.hosted.namespace:
                continue
            live = look.cluster.get(resource, metadata["namespace"], metadata["name"])
            if live is not None and not destination.is_ours(live) and not same_content(live, exported):
                yield (
                    f"{resource.kind} {metadata['namespace']}/{metadata['name']} exists there with other content: "
                    "rename or delete it there if nothing uses it"
                )
