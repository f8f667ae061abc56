"""Finalizers off, then deletes by uid, in an order in which no controller could do harm even if it came back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lifeboat import polling
from lifeboat.edits import edit
from lifeboat.errors import TeardownRefusedError
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
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
    NAMESPACES,
    NODE_POOLS,
    SECRETS,
    Resource,
)
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


def remove_finalizers(cluster: ManagementCluster, plan: Plan) -> dict[str, Any]:
    """Take the finalizers off everything whose controllers are down; returns how many objects had some.

    Only objects of the plan, and of the namespace that the plan names by uid.
    """
    hosted = plan.hosted_cluster
    assert_still(cluster, hosted)
    count = 0
    if _namespace_is_planned(cluster, plan):
        for resource in INNER:
            for each in cluster.list_objects(resource, hosted.control_plane_namespace):
                count += _strip(cluster, resource, each)
        for name in WITH_COMPONENT_FINALIZER:
            deployment = cluster.get(DEPLOYMENTS, hosted.control_plane_namespace, name)
            count += _strip(cluster, DEPLOYMENTS, deployment) if deployment else 0
    for doomed in (*plan.of(NODE_POOLS), *plan.of(HOSTED_CLUSTERS)):
        live = _live(cluster, doomed)
        count += _strip(cluster, doomed.resource, live) if live else 0
    return {"objects": count}


def delete_objects(cluster: ManagementCluster, plan: Plan) -> dict[str, Any]:
    """Delete what the plan names; returns counts by kind. What is gone already is done.

    Raises TeardownRefusedError when a controller is back.
    """
    hosted = plan.hosted_cluster
    assert_still(cluster, hosted)
    counts: dict[str, int] = {}
    for doomed in plan.of(NODE_POOLS):
        _delete(cluster, doomed, counts)
    if _namespace_is_planned(cluster, plan):
        for resource in INNER:
            for each in cluster.list_objects(resource, hosted.control_plane_namespace):
                cluster.delete(
                    resource,
                    hosted.control_plane_namespace,
                    each["metadata"]["name"],
                    uid=each["metadata"]["uid"],
                )
                counts[resource.plural] = counts.get(resource.plural, 0) + 1
    for resource in OUTER[1:]:
        for doomed in plan.of(resource):
            _delete(cluster, doomed, counts)
    return {"deleted": counts}


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


def _namespace_is_planned(cluster: ManagementCluster, plan: Plan) -> bool:
    """Whether the control-plane namespace is still the one that was planned, not one made since."""
    return any(_live(cluster, each) is not None for each in plan.of(NAMESPACES))


def _live(cluster: ManagementCluster, doomed: Doomed) -> Manifest | None:
    live = cluster.get(doomed.resource, doomed.namespace, doomed.name)
    return live if live and live["metadata"]["uid"] == doomed.uid else None


def _strip(cluster: ManagementCluster, resource: Resource, manifest: Manifest) -> int:
    metadata = manifest["metadata"]
    if not metadata.get("finalizers"):
        return 0

    def without(live: Manifest) -> Mapping[str, Any] | None:
        same = live["metadata"]["uid"] == metadata["uid"] and live["metadata"].get("finalizers")
        return {"metadata": {"finalizers": None}} if same else None

    edit(cluster, resource, metadata.get("namespace"), metadata["name"], without)
    return 1


def _delete(cluster: ManagementCluster, doomed: Doomed, counts: dict[str, int]) -> None:
    if _live(cluster, doomed) is None:
        return
    cluster.delete(doomed.resource, doomed.namespace, doomed.name, uid=doomed.uid)
    counts[doomed.plural] = counts.get(doomed.plural, 0) + 1


def _namespace_message(namespace: Manifest) -> str:
    conditions = (namespace.get("status") or {}).get("conditions") or ()
    return "; ".join(
        str(each.get("message"))
        for each in conditions
        if each["type"] in {"NamespaceFinalizersRemaining", "NamespaceContentRemaining"} and each["status"] == "True"
    )
