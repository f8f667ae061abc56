"""A large hosted cluster as objects only: nothing runs, but an export has to read it all.

Owners, labels, finalizers and the status of what Cluster API watches are as HyperShift leaves them; Secrets are of the
size of certificates and kubeconfigs. The same seed gives the same objects; uids, times and the signing key differ.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from sandbox.client import (
    AWS_CLUSTERS,
    AWS_ENDPOINT_SERVICES,
    AWS_MACHINE_TEMPLATES,
    AWS_MACHINES,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CLUSTERS,
    CONFIG_MAPS,
    HOSTED_CLUSTERS,
    HOSTED_CONTROL_PLANES,
    MACHINE_DEPLOYMENTS,
    MACHINE_HEALTH_CHECKS,
    MACHINE_SETS,
    MACHINES,
    NAMESPACES,
    NODE_POOLS,
    ROUTES,
    SECRETS,
    Resource,
)
from sandbox.hypershift.node_pool import health_check
from sandbox.objects import ensure, owner_reference
from sandbox.world.large_machines import Bodies
from sandbox.world.large_seed import LargeSeed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.client import Client, Object, Objects

__all__ = ["LargeSeed", "create_large"]

_THREADS = 8


def create_large(client: Client, seed: LargeSeed | None = None) -> dict[str, int]:
    """Create all of it, owners first; answers how many objects there are by plural. Raises ApiError.

    For an API without controllers: those of a sandbox would make machines and write other status.
    """
    return _Maker(client, seed or LargeSeed()).make()


class _Maker:
    def __init__(self, client: Client, seed: LargeSeed) -> None:
        self._client, self._seed, self._bodies = client, seed, Bodies(seed)
        self._counts: dict[str, int] = {}
        self._inner = seed.control_plane_namespace

    def make(self) -> dict[str, int]:
        seed = self._seed
        for namespace in (seed.namespace, self._inner):
            ensure(self._client, NAMESPACES, {"metadata": {"name": namespace}})
        self._create(SECRETS, self._bodies.referenced_secrets())
        self._create(CONFIG_MAPS, self._bodies.referenced_config_maps())
        (hosted,) = self._create(HOSTED_CLUSTERS, [self._bodies.hosted_cluster()])
        self._create(NODE_POOLS, [self._bodies.node_pool(pool, hosted) for pool in seed.pools()])
        self._control_plane(hosted)
        return self._counts

    def _control_plane(self, hosted: Object) -> None:
        (cluster,) = self._create(CLUSTERS, [self._bodies.cluster(hosted)])
        owned = [owner_reference(cluster)]
        (control_plane,) = self._create(HOSTED_CONTROL_PLANES, [self._bodies.hosted_control_plane(hosted, owned)])
        self._create(AWS_CLUSTERS, [self._bodies.aws_cluster(cluster)])
        owner = owner_reference(control_plane)
        self._create(SECRETS, [self._bodies.owned(each, owner) for each in self._bodies.inner_secrets()])
        self._create(
            ROUTES, [self._bodies.route(name, owner) for name in ("kube-apiserver", "oauth", "ignition-server")]
        )
        self._create(AWS_ENDPOINT_SERVICES, [self._bodies.endpoint_service("private-router", owner)])
        self._create(CLUSTER_ROLES, [self._bodies.role()])
        self._create(CLUSTER_ROLE_BINDINGS, [self._bodies.role_binding()])
        pools = self._seed.pools()
        templates = self._create(
            AWS_MACHINE_TEMPLATES, [self._bodies.template(pool, owner_reference(cluster)) for pool in pools]
        )
        names = {pool: each["metadata"]["name"] for pool, each in zip(pools, templates, strict=True)}
        deployments = self._create(
            MACHINE_DEPLOYMENTS,
            [self._bodies.deployment(pool, names[pool], owner_reference(cluster)) for pool in pools],
        )
        sets = self._create(MACHINE_SETS, [self._bodies.machine_set(each) for each in deployments])
        checks = [
            health_check(hosted, {"metadata": {"name": pool}}, self._inner, self._bodies.of_pool(pool))
            for pool in pools
        ]
        self._create(MACHINE_HEALTH_CHECKS, checks)
        machines = self._create(MACHINES, [self._bodies.machine(number, sets) for number in range(self._seed.machines)])
        self._create(AWS_MACHINES, [self._bodies.aws_machine(number, each) for number, each in enumerate(machines)])

    def _create(self, resource: Resource, bodies: Iterable[Object]) -> Objects:
        """Create them, several at once, with their status; in the order given."""
        with ThreadPoolExecutor(_THREADS) as pool:
            made = list(pool.map(lambda body: self._create_one(resource, body), bodies))
        self._counts[resource.plural] = self._counts.get(resource.plural, 0) + len(made)
        return made

    def _create_one(self, resource: Resource, body: Object) -> Object:
        status = body.pop("status", None)
        made = self._client.create(resource, body)
        if status and self._seed.status:
            self._client.replace_status(resource, {**made, "status": status})
        return made
