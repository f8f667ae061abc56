"""What the registered credentials must be allowed at a management cluster, verb by verb: the one table of it.

A preflight asks the API for each of these (SelfSubjectAccessReview); tests hold the table against every call that
whole moves make, in memory and in the sandbox's audit logs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum

from lifeboat.model import HostedClusterRef
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
    CUSTOM_RESOURCE_DEFINITIONS,
    DEPLOYMENTS,
    HOSTED_CLUSTERS,
    HOSTED_CONTROL_PLANES,
    JOBS,
    MACHINE_DEPLOYMENTS,
    MACHINE_HEALTH_CHECKS,
    MACHINE_SETS,
    MACHINES,
    MUTATING_WEBHOOKS,
    NAMESPACES,
    NODE_POOLS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    REPLICA_SETS,
    ROUTES,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    STATEFUL_SETS,
    STORAGE_CLASSES,
    VALIDATING_WEBHOOKS,
    Resource,
)
from lifeboat.restore.preflight.ownership import CLUSTER_DEPLOYMENTS, KLUSTERLETS, MANAGED_CLUSTERS

_AT_ONCE = 8
_READ = ("get", "list")
_ALL = ("get", "list", "patch", "delete")


class Where(Enum):
    """A namespace by its part in a hosted cluster's life."""

    EVERYWHERE = "everywhere"
    """No namespace: kinds that have none, and LISTs over all of them."""
    HOSTED_CLUSTER = "the HostedCluster's namespace"
    CONTROL_PLANE = "the control-plane namespace"
    OPERATOR = "hypershift"
    DEFAULT = "default"

    def namespace(self, hosted: HostedClusterRef) -> str | None:
        """Its name for one hosted cluster."""
        return {
            Where.EVERYWHERE: None,
            Where.HOSTED_CLUSTER: hosted.namespace,
            Where.CONTROL_PLANE: hosted.control_plane_namespace,
        }.get(self, self.value)


@dataclass(frozen=True)
class Right:
    """One kind, where, and what is done with it there."""

    resource: Resource
    where: Where
    verbs: tuple[str, ...]
    subresource: str = ""

    def __str__(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else str(self.resource)


_TORN_DOWN = (
    MACHINE_HEALTH_CHECKS,
    MACHINE_DEPLOYMENTS,
    MACHINE_SETS,
    MACHINES,
    AWS_MACHINES,
    AWS_MACHINE_TEMPLATES,
    CLUSTERS,
    AWS_CLUSTERS,
    AWS_ENDPOINT_SERVICES,
    HOSTED_CONTROL_PLANES,
)
_MADE = (
    HOSTED_CONTROL_PLANES,
    CLUSTERS,
    AWS_CLUSTERS,
    AWS_MACHINE_TEMPLATES,
    MACHINE_DEPLOYMENTS,
    MACHINE_SETS,
    MACHINES,
    AWS_MACHINES,
)
_BOTH = (
    *(Right(each, Where.EVERYWHERE, ("get",)) for each in (CUSTOM_RESOURCE_DEFINITIONS, MANAGED_CLUSTERS, KLUSTERLETS)),
    Right(CLUSTER_DEPLOYMENTS, Where.EVERYWHERE, ("list",)),
    Right(CONFIG_MAPS, Where.OPERATOR, ("get",)),
    Right(SECRETS, Where.OPERATOR, ("get",)),
    # An exec begins with a GET that asks for a WebSocket; from 1.35 on Kubernetes wants `create` for it as well.
    Right(PODS, Where.CONTROL_PLANE, ("get", "create"), "exec"),
)

SOURCE = (
    *_BOTH,
    Right(NAMESPACES, Where.EVERYWHERE, ("get", "delete")),
    Right(CLUSTER_ROLES, Where.EVERYWHERE, ("get", "list", "delete")),
    Right(CLUSTER_ROLE_BINDINGS, Where.EVERYWHERE, ("get", "list", "delete")),
    Right(VALIDATING_WEBHOOKS, Where.EVERYWHERE, ("get", "patch")),
    Right(HOSTED_CLUSTERS, Where.HOSTED_CLUSTER, _ALL),
    Right(NODE_POOLS, Where.HOSTED_CLUSTER, _ALL),
    Right(SECRETS, Where.HOSTED_CLUSTER, ("get", "list", "delete")),
    Right(CONFIG_MAPS, Where.HOSTED_CLUSTER, ("get", "list", "delete")),
    Right(HOSTED_CLUSTERS, Where.CONTROL_PLANE, ("list",)),
    *(Right(each, Where.CONTROL_PLANE, _ALL) for each in _TORN_DOWN),
    Right(SECRETS, Where.CONTROL_PLANE, ("list",)),
    Right(DEPLOYMENTS, Where.CONTROL_PLANE, ("get", "list", "patch")),
    Right(STATEFUL_SETS, Where.CONTROL_PLANE, ("get", "list", "patch")),
    Right(SERVICES, Where.CONTROL_PLANE, ("get", "list", "patch")),
    Right(ROUTES, Where.CONTROL_PLANE, ("list", "delete")),
    Right(PODS, Where.CONTROL_PLANE, _READ),
    Right(DEPLOYMENTS, Where.OPERATOR, ("get", "patch")),
    Right(PODS, Where.OPERATOR, ("list",)),
    Right(CONFIG_MAPS, Where.DEFAULT, ("get", "create", "delete")),
)
"""For a backup, and for the teardown of what was moved."""

DESTINATION = (
    *_BOTH,
    Right(NAMESPACES, Where.EVERYWHERE, ("get", "create", "patch", "delete")),
    *(
        Right(each, Where.EVERYWHERE, ("list",))
        for each in (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS, VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS)
    ),
    *(Right(each, Where.EVERYWHERE, ("list",)) for each in (NODES, PODS, PERSISTENT_VOLUMES, HOSTED_CLUSTERS)),
    Right(STORAGE_CLASSES, Where.EVERYWHERE, _READ),
    Right(HOSTED_CLUSTERS, Where.HOSTED_CLUSTER, ("get", "list", "create")),
    Right(NODE_POOLS, Where.HOSTED_CLUSTER, ("get", "list", "create", "patch")),
    Right(SECRETS, Where.HOSTED_CLUSTER, ("get", "list", "create", "delete")),
    Right(CONFIG_MAPS, Where.HOSTED_CLUSTER, ("get", "list", "create", "delete")),
    *(Right(each, Where.CONTROL_PLANE, ("get", "list", "create", "patch")) for each in _MADE),
    Right(SECRETS, Where.CONTROL_PLANE, ("get", "list", "create", "patch", "delete")),
    Right(PERSISTENT_VOLUME_CLAIMS, Where.CONTROL_PLANE, ("get", "list", "create")),
    Right(PODS, Where.CONTROL_PLANE, ("get", "list", "create", "delete")),
    Right(DEPLOYMENTS, Where.CONTROL_PLANE, _READ),
    Right(STATEFUL_SETS, Where.CONTROL_PLANE, _READ),
    *(
        Right(each, Where.CONTROL_PLANE, ("list",))
        for each in (
            CONFIG_MAPS,
            SERVICES,
            SERVICE_ACCOUNTS,
            ROUTES,
            REPLICA_SETS,
            JOBS,
            MACHINE_HEALTH_CHECKS,
            AWS_ENDPOINT_SERVICES,
            HOSTED_CLUSTERS,
            NODE_POOLS,
        )
    ),
    Right(DEPLOYMENTS, Where.OPERATOR, ("get",)),
    Right(SERVICES, Where.OPERATOR, ("get",)),
    Right(PODS, Where.OPERATOR, ("list", "delete")),
)
"""For a restore, and for looking at what it restored."""


def missing(cluster: ManagementCluster, hosted: HostedClusterRef, rights: Sequence[Right]) -> Iterator[str]:
    """What of these the credentials are not allowed there, as `verb kind in namespace`; each is asked of the API."""
    wanted = [(verb, right) for right in rights for verb in right.verbs]

    def may(asked: tuple[str, Right]) -> bool:
        verb, right = asked
        namespace = right.where.namespace(hosted)
        return cluster.may(verb, right.resource, namespace, subresource=right.subresource)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(may, wanted))
    for (verb, right), allowed in zip(wanted, answers, strict=True):
        if not allowed:
            namespace = right.where.namespace(hosted)
            yield f"{verb} {right}" + (f" in {namespace}" if namespace else "")
