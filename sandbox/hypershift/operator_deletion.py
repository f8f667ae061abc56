"""The real deletion of a HostedCluster: instances, records, OIDC documents. A pause does not protect from it."""

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
    step = _Deletion(client, cloud, hosted)
    if any(remains() for remains in (step.pools, step.cluster, step.endpoint_services, step.control_plane)):
        return _AGAIN
    if has_finalizer(hosted, OIDC_FINALIZER):
        oidc.delete(cloud, hosted["spec"]["infraID"])
        set_finalizer(client, HOSTED_CLUSTERS, hosted, OIDC_FINALIZER, present=False)
        return 0.0
    step.cluster_roles()
    if step.namespace():
        return _AGAIN
    set_finalizer(client, HOSTED_CLUSTERS, hosted, FINALIZER, present=False)
    return None


class _Deletion:
    """The parts of one HostedCluster; a method asks for the deletion of one and tells whether it was there."""

    def __init__(self, client: Client, cloud: Cloud, hosted: Object) -> None:
        self._client = client
        self._cloud = cloud
        self._hosted = hosted
        self._own: str = hosted["metadata"]["namespace"]
        self._name: str = hosted["metadata"]["name"]
        self._inner = control_plane_namespace(hosted)

    def pools(self) -> bool:
        """The NodePools, whose machines go only while the Cluster is not paused: so that pause ends here."""
        infra_id = self._hosted["spec"]["infraID"]
        cluster = self._client.get(CLUSTERS, infra_id, self._inner)
        if cluster is not None and cluster["spec"].get("paused"):
            self._client.patch(CLUSTERS, infra_id, {"spec": {"paused": False}}, self._inner)
        pools = [pool for pool in self._client.list(NODE_POOLS, self._own) if pool["spec"]["clusterName"] == self._name]
        for pool in pools:
            self._client.delete(NODE_POOLS, pool["metadata"]["name"], self._own)
        return bool(pools)

    def cluster(self) -> bool:
        return self._client.delete(CLUSTERS, self._hosted["spec"]["infraID"], self._inner)

    def endpoint_services(self) -> bool:
        found = self._client.list(AWS_ENDPOINT_SERVICES, self._inner)
        for each in found:
            self._client.delete(AWS_ENDPOINT_SERVICES, each["metadata"]["name"], self._inner)
        return bool(found)

    def control_plane(self) -> bool:
        return self._client.delete(HOSTED_CONTROL_PLANES, self._name, self._inner)

    def cluster_roles(self) -> None:
        labels = f"{OWNER_NAMESPACE_LABEL}={self._own},{OWNER_NAME_LABEL}={self._name}"
        for resource in (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS):
            for each in self._client.list(resource, labels=labels):
                self._client.delete(resource, each["metadata"]["name"])

    def namespace(self) -> bool:
        for component in ("cluster-api", "capi-provider"):
            if found := self._client.get(DEPLOYMENTS, component, self._inner):
                set_finalizer(self._client, DEPLOYMENTS, found, COMPONENT_FINALIZER, present=False)
        return self._client.delete(NAMESPACES, self._inner)
