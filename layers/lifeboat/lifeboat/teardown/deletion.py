"""Finalizers off, then deletes by uid, in an order in which no controller could do harm even if it came back.

A controller that comes back between the two puts its finalizer on again, and a delete would then only mark the object:
the controller would see the mark and take the instance, the names or the OIDC documents with it. So each delete names
the resourceVersion of a read that showed no finalizers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lifeboat import polling
from lifeboat.edits import edit
from lifeboat.errors import ConflictError, TeardownRefusedError
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import (
    AWS_CLUSTERS,
    AWS_ENDPOINT_SERVICES,
    AWS_MACHINE_TEMPLATES,
    AWS_MACHINES,
    BY_KIND,
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
    NAMESPACES,
    NODE_POOLS,
    SECRETS,
    Resource,
)
from lifeboat.teardown import operator
from lifeboat.teardown.control_plane import assert_still
from lifeboat.teardown.plan import Doomed, Plan

INNER = (
    MACHINE_HEALTH_CHECKS,  # first: it deletes Machines
    MACHINE_DEPLOYMENTS,
    MACHINE_SETS,
    MACHINES,
    AWS_MACHINES,
    AWS_MACHINE_TEMPLATES,
    CLUSTERS,
    AWS_CLUSTERS,
    AWS_ENDPOINT_SERVICES,  # its VPC endpoint and names are the destination's now
    HOSTED_CONTROL_PLANES,
)
"""Kinds of the control-plane namespace with finalizers whose controllers are down, in the order of their deletion."""

WITH_COMPONENT_FINALIZER = ("cluster-api", "capi-provider")
"""Deployments that the operator guards with a finalizer of its own."""

OUTER = (NODE_POOLS, NAMESPACES, HOSTED_CLUSTERS, SECRETS, CONFIG_MAPS, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES)
"""What the plan lists, in the order of its deletion."""

HARMLESS = {SECRETS, CONFIG_MAPS, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES}
"""What no controller with hands in AWS acts on."""

ROUNDS = 5
"""How often finalizers that came back are taken off again before somebody has to look."""


def remove_finalizers(cluster: ManagementCluster, plan: Plan) -> dict[str, Any]:
    """Take the finalizers off everything whose controllers are down; returns how many objects had some.

    Only objects of the plan, and of the namespace that the plan names by uid.
    """
    hosted = plan.hosted_cluster
    assert_still(cluster, hosted)
    operator.quiet_webhook(cluster)
    return {"objects": sum(_strip(cluster, BY_KIND[each["kind"]], each) for each in _candidates(cluster, plan))}


def delete_objects(cluster: ManagementCluster, plan: Plan) -> dict[str, Any]:
    """Delete what the plan names; returns counts by kind. What is gone already is done.

    Finalizers that came back meanwhile are taken off again, a few times. Raises TeardownRefusedError when a controller
    is back, or when something keeps changing.
    """
    counts: dict[str, int] = {}
    for _ in range(ROUNDS):
        held = _delete_until_held(cluster, plan, counts)
        if held is None:
            return {"deleted": counts}
        remove_finalizers(cluster, plan)
    msg = f"{held} on {cluster.name} keeps changing or gets finalizers again: look who works there, then start again"
    raise TeardownRefusedError(msg)


def _delete_until_held(cluster: ManagementCluster, plan: Plan, counts: dict[str, int]) -> str | None:
    """Delete in order; stops at the first object that is not as it must be and names it.

    All are looked at before the first goes: the garbage collector marks what an owner leaves behind.
    """
    assert_still(cluster, plan.hosted_cluster)
    for each in _candidates(cluster, plan):
        if each["metadata"].get("finalizers"):
            return f"{each['kind']} {each['metadata']['name']}"
    for each in _in_order(cluster, plan):
        if not _delete(cluster, each, counts):
            return f"{each['kind']} {each['metadata']['name']}"
    return None


def _in_order(cluster: ManagementCluster, plan: Plan) -> Iterator[Manifest]:
    """What is to be deleted, each kind looked up when its turn comes, and the controllers again before it."""
    hosted = plan.hosted_cluster
    yield from _all_live(cluster, plan, NODE_POOLS)
    if _namespace_is_planned(cluster, plan):
        for resource in INNER:
            assert_still(cluster, hosted)
            yield from cluster.list_objects(resource, hosted.control_plane_namespace)
    for resource in OUTER[1:]:
        assert_still(cluster, hosted)
        yield from _all_live(cluster, plan, resource)


def remaining(cluster: ManagementCluster, plan: Plan) -> list[str]:
    """What of the plan is still there, in words, with what holds it."""
    found = []
    for doomed in plan.objects:
        live = _live(cluster, doomed)
        if live is None:
            continue
        held = ", ".join(live["metadata"].get("finalizers") or ()) or "its deletion"
        if doomed.plural == NAMESPACES.plural:
            held = _namespace_message(live) or held
        where = f"{doomed.namespace}/" if doomed.namespace else ""
        found.append(f"{doomed.resource.kind} {where}{doomed.name} to be gone ({held})")
    return found


def terminating(cluster: ManagementCluster, hosted: HostedClusterRef) -> list[str]:
    """Objects of this hosted cluster that are being deleted: an operator that meets them terminates instances."""
    candidates: list[Manifest | None] = [
        cluster.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name),
        cluster.get(NAMESPACES, None, hosted.control_plane_namespace),
        *(
            each
            for each in cluster.list_objects(NODE_POOLS, hosted.namespace)
            if each["spec"].get("clusterName") == hosted.name
        ),
        *(each for kind in INNER for each in cluster.list_objects(kind, hosted.control_plane_namespace)),
    ]
    return [
        f"{each['kind']} {each['metadata']['name']}"
        for each in candidates
        if each is not None and each["metadata"].get("deletionTimestamp")
    ]


def assert_nothing_terminating(cluster: ManagementCluster, hosted: HostedClusterRef) -> None:
    """Raises TeardownRefusedError while something of this hosted cluster is being deleted: the operator stays down."""
    if found := terminating(cluster, hosted):
        msg = (
            f"{polling.one_line(found)} still being deleted on {cluster.name}: its operator stays at 0, because it "
            "would terminate the instances; start the teardown again with the same operationId"
        )
        raise TeardownRefusedError(msg)


def _candidates(cluster: ManagementCluster, plan: Plan) -> Iterator[Manifest]:
    """What carries finalizers of the operator or Cluster API."""
    namespace = plan.hosted_cluster.control_plane_namespace
    if _namespace_is_planned(cluster, plan):
        for resource in INNER:
            yield from cluster.list_objects(resource, namespace)
        deployments = (cluster.get(DEPLOYMENTS, namespace, name) for name in WITH_COMPONENT_FINALIZER)
        yield from (each for each in deployments if each)
    yield from _all_live(cluster, plan, NODE_POOLS)
    yield from _all_live(cluster, plan, HOSTED_CLUSTERS)


def _namespace_is_planned(cluster: ManagementCluster, plan: Plan) -> bool:
    """Whether the control-plane namespace is still the one that was planned, not one made since."""
    return any(_live(cluster, each) is not None for each in plan.of(NAMESPACES))


def _live(cluster: ManagementCluster, doomed: Doomed) -> Manifest | None:
    live = cluster.get(doomed.resource, doomed.namespace, doomed.name)
    return live if live and live["metadata"]["uid"] == doomed.uid else None


def _all_live(cluster: ManagementCluster, plan: Plan, resource: Resource) -> Iterator[Manifest]:
    yield from filter(None, (_live(cluster, each) for each in plan.of(resource)))


def _strip(cluster: ManagementCluster, resource: Resource, manifest: Manifest) -> int:
    metadata = manifest["metadata"]
    if not metadata.get("finalizers"):
        return 0

    def without(live: Manifest) -> Mapping[str, Any] | None:
        same = live["metadata"]["uid"] == metadata["uid"] and live["metadata"].get("finalizers")
        return {"metadata": {"finalizers": None}} if same else None

    edit(cluster, resource, metadata.get("namespace"), metadata["name"], without)
    return 1


def _delete(cluster: ManagementCluster, manifest: Manifest, counts: dict[str, int]) -> bool:
    """Delete one object as it is now; False when somebody holds it with a finalizer, or changes it meanwhile.

    What no controller acts on when it is marked may have finalizers of anybody's.
    """
    resource, metadata = BY_KIND[manifest["kind"]], manifest["metadata"]
    namespace, name = metadata.get("namespace"), metadata["name"]
    live = cluster.get(resource, namespace, name)
    if live is None or live["metadata"]["uid"] != metadata["uid"]:
        return True
    guarded = resource not in HARMLESS
    if guarded and live["metadata"].get("finalizers"):
        return False
    if guarded and live["metadata"].get("deletionTimestamp"):
        return True  # a namespace on its way, or the last moment of any other object
    version = live["metadata"]["resourceVersion"] if guarded else None
    try:
        cluster.delete(resource, namespace, name, uid=metadata["uid"], resource_version=version)
    except ConflictError:
        return False
    counts[resource.plural] = counts.get(resource.plural, 0) + 1
    return True


def _namespace_message(namespace: Manifest) -> str:
    conditions = (namespace.get("status") or {}).get("conditions") or ()
    return "; ".join(
        str(each.get("message"))
        for each in conditions
        if each["type"] in {"NamespaceFinalizersRemaining", "NamespaceContentRemaining"} and each["status"] == "True"
    )
