"""The real deletion of a HostedCluster: instances, records, OIDC documents and all. A pause does not protect from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.client import (
    AWS_ENDPOINT_SERVICES,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CLUSTERS,
    DEPLOYMENTS,
    HOSTED_CLUSTERS,
    HOSTED_CONTROL_PLANES,
    NAMESPACES,
    NODE_POOLS,
)
from sandbox.hypershift import oidc
from sandbox.hypershift.names import (
    COMPONENT_FINALIZER,
    FINALIZER,
    OIDC_FINALIZER,
    control_plane_namespace,
)
from sandbox.hypershift.operator_objects import OWNER_NAME_LABEL, OWNER_NAMESPACE_LABEL
from sandbox.objects import has_finalizer, set_finalizer

if TYPE_CHECKING:
    from sandbox.client import Client, Object
    from sandbox.hypershift.cloud import Cloud

_AGAIN = 0.5


def delete_hosted_cluster(client: Client, cloud: Cloud, hosted: Object) -> float | None:
    """One step of the deletion; seconds until the next, None when the HostedCluster may go."""
    namespace, name = hosted["metadata"]["namespace"], hosted["metadata"]["name"]
    control_plane_ns = control_plane_namespace(hosted)
    infra_id = hosted["spec"]["infraID"]
    cluster = client.get(CLUSTERS, infra_id, control_plane_ns)
    if cluster is not None and cluster["spec"].get("paused"):
        client.patch(CLUSTERS, infra_id, {"spec": {"paused": False}}, control_plane_ns)
    pools = [pool for pool in client.list(NODE_POOLS, namespace) if pool["spec"]["clusterName"] == name]
    for pool in pools:
        client.delete(NODE_POOLS, pool["metadata"]["name"], namespace)
    if pools:
        return _AGAIN
    if cluster is not None:
        client.delete(CLUSTERS, infra_id, control_plane_ns)
        return _AGAIN
    endpoints = client.list(AWS_ENDPOINT_SERVICES, control_plane_ns)
    for endpoint in endpoints:
        client.delete(AWS_ENDPOINT_SERVICES, endpoint["metadata"]["name"], control_plane_ns)
    if endpoints:
        return _AGAIN
    if client.delete(HOSTED_CONTROL_PLANES, name, control_plane_ns):
        return _AGAIN
    if has_finalizer(hosted, OIDC_FINALIZER):
        oidc.delete(cloud, infra_id)
        set_finalizer(client, HOSTED_CLUSTERS, hosted, OIDC_FINALIZER, present=False)
        return 0.0
    labels = f"{OWNER_NAMESPACE_LABEL}={namespace},{OWNER_NAME_LABEL}={name}"
    for resource in (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS):
        for each in client.list(resource, labels=labels):
            client.delete(resource, each["metadata"]["name"])
    for component in ("cluster-api", "capi-provider"):
        if found := client.get(DEPLOYMENTS, component, control_plane_ns):
            set_finalizer(client, DEPLOYMENTS, found, COMPONENT_FINALIZER, present=False)
    if client.delete(NAMESPACES, control_plane_ns):
        return _AGAIN
    set_finalizer(client, HOSTED_CLUSTERS, hosted, FINALIZER, present=False)
    return None
