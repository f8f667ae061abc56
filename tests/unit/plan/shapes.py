"""Random hosted clusters, the same for the same seed."""

from __future__ import annotations

import random
from typing import Any

from tests.unit.builders import HostedClusterBuilder, a_hosted_cluster, a_pod, a_secret, an_object
from tests.unit.plan.moving import Moving


def a_random_move(seed: int) -> Moving:
    """HighlyAvailable or not, public or private, 1 to 8 NodePools of 0 to 4 Machines, shared or own namespace,
    neighbours, extras.
    """
    draw = random.Random(seed)
    namespace = draw.choice(["clusters", "clusters", "team-a"])
    builder = a_hosted_cluster(draw.choice(["blue", "b.lue", "blue-2"]), namespace=namespace, infra_id=f"x{seed}-q7")
    builder.with_members(draw.choice([1, 3, 3]))
    for number in range(draw.randint(1, 8)):
        builder.with_node_pool(
            f"pool-{number}",
            machines=draw.randint(0, 4),
            paused_until=draw.choice([None, None, None, "true", "2020-01-01T00:00:00Z"]),
            auto_repair=draw.random() < 0.6,
            config=f"kubelet-{number}" if draw.random() < 0.4 else None,
        )
    if draw.random() < 0.3:
        builder.with_replicas(cluster_api=0)
    if (access := draw.choice(["Public", "Public", "PublicAndPrivate", "Private"])) != "Public":
        builder.with_spec(platform={"type": "AWS", "aws": {"region": "us-east-2", "endpointAccess": access}})
    moving = Moving(builder, with_neighbour=draw.random() < 0.6)
    moving.source.add(*_extras(draw, builder))
    return moving


def _extras(draw: random.Random, builder: HostedClusterBuilder) -> list[dict[str, Any]]:
    """What some hosted clusters have besides."""
    outer, inner = builder.ref.namespace, builder.ref.control_plane_namespace
    found = [a_secret(f"extra-{number}", inner) for number in range(draw.randint(0, 5))]
    found += [a_secret(f"unrelated-{number}", outer) for number in range(draw.randint(0, 2))]
    if draw.random() < 0.5:
        note = {"external-dns.alpha.kubernetes.io/hostname": builder.hostname("OAuthServer")}
        found.append(an_object("v1", "Service", "oauth", inner, annotations=note, spec={}))
    if draw.random() < 0.5:
        labels = {
            "hypershift.openshift.io/owner.namespace": outer,
            "hypershift.openshift.io/owner.name": builder.ref.name,
        }
        kind = "ClusterRoleBinding"
        found.append(an_object("rbac.authorization.k8s.io/v1", kind, f"{inner}-cpo", labels=labels))
    if draw.random() < 0.5:
        ended = a_pod("cronjob-1", inner, labels={"app": "cronjob"})
        found.append({**ended, "status": {"phase": "Succeeded"}})
    if draw.random() < 0.5:
        webhook = {"name": "hostedclusters.hypershift.openshift.io", "failurePolicy": "Fail"}
        kind = "ValidatingWebhookConfiguration"
        api = "admissionregistration.k8s.io/v1"
        found.append(an_object(api, kind, "hypershift.openshift.io", webhooks=[webhook]))
    return found
