"""One look at the whole world, taken before and after a move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import client as kinds
from sandbox.client import Client
from sandbox.hypershift.names import private_host
from sandbox.plan import DOMAIN
from sandbox.proof import cloud, etcd, objects, writes
from sandbox.proof.clients import client_of
from sandbox.running import Sandbox

NAMESPACE, BLUE, NEIGHBOUR = "clusters", "blue", "blue-green"
BLUE_PLANE = f"{NAMESPACE}-{BLUE}"
_SECRETS = "/kubernetes.io/secrets/"


@dataclass(frozen=True)
class Observation:
    """What was seen; `where` is the management cluster that should hold `blue`."""

    where: str
    available: Mapping[str, str]
    """Management cluster → the HostedCluster's condition Available, or `absent`."""
    etcd: etcd.EtcdFacts
    etcd_keys: frozenset[str]
    """All keys but events and leases."""
    etcd_secrets: Mapping[str, str]
    instances: Mapping[str, tuple[str, str]]
    records: Mapping[str, str]
    answering: Mapping[str, str]
    """Name of the API, public and private → management cluster that answers under it."""
    endpoints: Mapping[str, str]
    oidc: Mapping[str, bytes]
    objects: Mapping[str, Any]
    operator: tuple[int, int]
    """Replicas asked for and ready of mgmt-1's operator."""
    neighbour_objects: Mapping[str, Any]
    neighbour_records: Mapping[str, str]
    neighbour_secrets: Mapping[str, str]
    neighbour_available: str
    runs: int
    """RunInstances calls so far."""
    terminations: int
    writes: int


def observe(sandbox: Sandbox, where: str) -> Observation:
    """Look at everything; `blue` is expected on `where`."""
    plan = sandbox.plan
    home, source = plan.management_cluster(where), plan.management_cluster("mgmt-1")
    clients = {each.name: client_of(each) for each in plan.management_clusters}
    beside = plan.shape.neighbour_namespace
    operator = clients["mgmt-1"].get(kinds.DEPLOYMENTS, "operator", "hypershift") or {}
    neighbour = clients["mgmt-1"].get(kinds.HOSTED_CLUSTERS, NEIGHBOUR, beside)
    s3, route53 = sandbox.client("s3"), sandbox.client("route53")
    return Observation(
        where=where,
        available={name: _available(client) for name, client in clients.items()},
        etcd=etcd.facts(home, BLUE_PLANE),
        etcd_keys=etcd.lasting_keys(home, BLUE_PLANE, "etcd-0"),
        etcd_secrets=etcd.read_prefix(home, BLUE_PLANE, "etcd-0", _SECRETS),
        instances=cloud.instances(sandbox.client("ec2")),
        records=cloud.records(route53, BLUE),
        answering=cloud.answering(plan, _names(sandbox)),
        endpoints=cloud.endpoints(sandbox.client("ec2")),
        oidc={**_oidc(s3, clients[where], NAMESPACE, BLUE), **_oidc(s3, clients["mgmt-1"], beside, NEIGHBOUR)},
        objects=objects.of_hosted_cluster(clients[where], NAMESPACE, BLUE),
        operator=(operator.get("spec", {}).get("replicas", 0), operator.get("status", {}).get("readyReplicas", 0)),
        neighbour_objects=objects.of_hosted_cluster(clients["mgmt-1"], beside, NEIGHBOUR),
        neighbour_records=cloud.records(route53, NEIGHBOUR),
        neighbour_secrets=etcd.read_prefix(source, f"{beside}-{NEIGHBOUR}", "etcd-0", _SECRETS),
        neighbour_available=objects.condition(neighbour, "Available"),
        runs=len(cloud.calls(plan, "RunInstances")),
        terminations=len(cloud.calls(plan, "TerminateInstances", "StopInstances")),
        writes=len(writes.acknowledged(plan)),
    )


def _names(sandbox: Sandbox) -> list[str]:
    """All by which the API of `blue` is known."""
    public = f"api-{BLUE}.{DOMAIN}"
    return [public, private_host(BLUE)] if sandbox.plan.shape.is_private else [public]


def _available(client: Client) -> str:
    hosted = client.get(kinds.HOSTED_CLUSTERS, BLUE, NAMESPACE)
    return objects.condition(hosted, "Available") if hosted else "absent"


def _oidc(s3: Any, client: Client, namespace: str, name: str) -> dict[str, bytes]:
    hosted = client.get(kinds.HOSTED_CLUSTERS, name, namespace)
    return cloud.oidc_documents(s3, hosted["spec"]["infraID"]) if hosted else {}
