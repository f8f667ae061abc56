"""The hosted control plane as Kubernetes shows it: available, every owner alive, every Machine on its own instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lifeboat.errors import VerificationError
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.reconciliation import node_pools_of
from lifeboat.resources import BY_KIND, HOSTED_CLUSTERS, MACHINES, NODE_POOLS, Resource
from lifeboat.restore.serving import hosted_cluster_problems, rests_by_owner, updates
from lifeboat.verification import Finding


def verify_available(
    destination: ManagementCluster,
    hosted: HostedClusterRef,
    *,
    with_nodes: bool,
    recorded: Mapping[str, Mapping[str, Any]],
) -> Finding:
    """The conditions of HostedCluster and NodePools. They alone prove little: EtcdAvailable hides a split brain.

    What a NodePool tells that its owner had paused at the source (`recorded`: `pausedUntil` by name) is not waited for.

    Raises VerificationError when there is no HostedCluster.
    """
    cluster = destination.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    if cluster is None:
        msg = f"{destination.name} has no HostedCluster {hosted}: it was deleted after the restore"
        raise VerificationError(msg)
    not_yet = hosted_cluster_problems(destination, hosted, with_nodes=with_nodes)
    pools = (each for each in node_pools_of(destination, hosted) if not rests_by_owner(each, recorded))
    for pool in pools:
        not_yet += [f"NodePool {pool['metadata']['name']} not {each}" for each in updates(pool)]
    return Finding({"uid": cluster["metadata"]["uid"]}, not_yet)


def verify_owners(destination: ManagementCluster, hosted: HostedClusterRef) -> Finding:
    """Every owner reference in the control-plane namespace points to a live object: the rest is garbage to collect.

    An owner that a controller replaced a moment ago is waited for; one that stays away ends the wait's deadline.
    """
    namespace = hosted.control_plane_namespace
    objects: list[tuple[Resource, Manifest]] = []
    for resource in BY_KIND.values():
        if resource.namespaced:
            objects += [(resource, each) for each in destination.list_objects(resource, namespace)]
    living = {each["metadata"]["uid"] for _, each in objects}
    for resource in (HOSTED_CLUSTERS, NODE_POOLS):
        living |= {each["metadata"]["uid"] for each in destination.list_objects(resource, hosted.namespace)}
    not_yet: list[str] = []
    references = 0
    for resource, each in objects:
        for owner in each["metadata"].get("ownerReferences") or []:
            if owner["kind"] not in BY_KIND or not BY_KIND[owner["kind"]].namespaced:
                continue  # of a kind that we never look at: neither restored nor known here
            references += 1
            if owner["uid"] not in living:
                name = each["metadata"]["name"]
                not_yet.append(f"the owner of {resource.plural} {name}: {owner['kind']} {owner['name']}")
    return Finding({"objects": len(objects), "ownerReferences": references}, not_yet)


def verify_machines(
    destination: ManagementCluster, hosted: HostedClusterRef, provider_ids: Mapping[str, str]
) -> Finding:
    """Each Machine kept its name and its instance.

    Raises VerificationError when one names another instance, or one more was made.
    """
    live = {
        each["metadata"]["name"]: each["spec"].get("providerID")
        for each in destination.list_objects(MACHINES, hosted.control_plane_namespace)
    }
    if added := sorted(live.keys() - provider_ids.keys()):
        msg = f"new Machines at {destination.name}: {', '.join(added)}; scale cluster-api and capi-provider there to 0"
        raise VerificationError(msg)
    changed = sorted(name for name, provider_id in live.items() if provider_id != provider_ids[name])
    if changed:
        msg = f"Machines with other instances than at the source: {', '.join(changed)}; scale capi-provider to 0"
        raise VerificationError(msg)
    missing = sorted(provider_ids.keys() - live.keys())
    return Finding({"machines": len(live)}, [f"Machine {name}" for name in missing])
