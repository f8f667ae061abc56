"""The hosted clusters: `blue`, which is moved, and its neighbour `blue-green`, which nothing may ever touch."""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.client import (
    CONFIG_MAPS,
    HOSTED_CLUSTERS,
    NAMESPACES,
    NODE_POOLS,
    SECRETS,
    ApiError,
    Client,
    shared_client,
)
from sandbox.hypershift.cloud import Cloud
from sandbox.hypershift.oidc import issuer_url
from sandbox.hypershift.release import IMAGES
from sandbox.objects import ensure
from sandbox.pki import create_authority
from sandbox.plan import ACCOUNT_ID, DOMAIN, REGION, RELEASE_REGISTRY, ZONES
from sandbox.shape import Shape
from sandbox.world.aws import worker_image, worker_subnet, worker_vpc
from sandbox.world.management import STORAGE_CLASS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.client import Object, Resource
    from sandbox.plan import ManagementClusterPlan, Plan

NAMESPACE = "clusters"
PULL_SECRET = "pull-secret"
_POLL_SECONDS = 0.2
_OPERATOR_SECONDS = 120
_ROLES = [
    "controlPlaneOperatorARN",
    "imageRegistryARN",
    "ingressARN",
    "kubeCloudControllerARN",
    "networkARN",
    "nodePoolManagementARN",
    "storageARN",
]


@dataclass(frozen=True)
class HostedClusterSeed:
    """One hosted cluster to make: its pools by name, of `shape.machines` each, and the config maps of some."""

    name: str
    infra_id: str
    namespace: str
    shape: Shape
    pools: tuple[str, ...]
    config: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def seeds(plan: Plan) -> tuple[HostedClusterSeed, HostedClusterSeed]:
    """`blue` as the plan shapes it, and `blue-green`, which is always the same."""
    shape = plan.shape
    blue = HostedClusterSeed(
        "blue", "blue-x7k2p", NAMESPACE, shape, shape.pools(), {shape.pools()[0]: ("workers-kubelet-config",)}
    )
    plain = Shape(availability="SingleReplica", node_pools=1, machines=1)
    neighbour = HostedClusterSeed(
        "blue-green", "blue-green-q9w4z", shape.neighbour_namespace, plain, ("green-workers",)
    )
    return blue, neighbour


def create_hosted_clusters(plan: Plan, cluster: ManagementClusterPlan | None = None) -> None:
    """Create both, with everything they refer to. May run twice. Raises ApiError.

    By default on the first management cluster.
    """
    client = shared_client((cluster or plan.management_clusters[0]).controllers_kubeconfig)
    cloud = Cloud(plan)
    auth = base64.b64encode(f"sandbox:{secrets.token_urlsafe(12)}".encode()).decode()
    auths = json.dumps({"auths": {RELEASE_REGISTRY: {"auth": auth}}}).encode()
    for each in seeds(plan):
        ensure(client, NAMESPACES, {"metadata": {"name": each.namespace}})
        pull_secret = {".dockerconfigjson": auths}
        _secret(client, each.namespace, PULL_SECRET, pull_secret, "kubernetes.io/dockerconfigjson")
        _references(client, each)
        if client.get(HOSTED_CLUSTERS, each.name, each.namespace) is None:
            _create(client, HOSTED_CLUSTERS, _hosted_cluster(cloud, each))
        for number, pool in enumerate(each.pools):
            if client.get(NODE_POOLS, pool, each.namespace) is None:
                _create(client, NODE_POOLS, _node_pool(cloud, each, pool, ZONES[number % len(ZONES)]))


def _create(client: Client, resource: Resource, body: Object) -> None:
    """The operator's validating webhook refuses everything until a pod of the operator is ready."""
    deadline = time.monotonic() + _OPERATOR_SECONDS
    while True:
        try:
            client.create(resource, body)
        except ApiError as error:
            if "failed calling webhook" not in error.message or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)
        else:
            return


def _references(client: Client, seed: HostedClusterSeed) -> None:
    name, namespace = seed.name, seed.namespace
    key = {"id_rsa.pub": b"ssh-ed25519 " + base64.b64encode(secrets.token_bytes(51))}
    _secret(client, namespace, f"{name}-ssh-key", key)
    if seed.shape.encryption == "secret":
        _secret(client, namespace, f"{name}-etcd-encryption-key", {"key": secrets.token_bytes(32)})
    bundle = create_authority(f"corporate proxy of {name}").certificate.decode()
    _config_map(client, namespace, f"{name}-trust-bundle", {"ca-bundle.crt": bundle})
    for config in sorted({each for names in seed.config.values() for each in names}):
        _config_map(client, namespace, config, {"config": _KUBELET_CONFIG})


def _secret(client: Client, namespace: str, name: str, data: dict[str, bytes], kind: str = "Opaque") -> None:
    if client.get(SECRETS, name, namespace) is None:
        encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
        client.create(SECRETS, {"metadata": {"name": name, "namespace": namespace}, "type": kind, "data": encoded})


def _config_map(client: Client, namespace: str, name: str, data: dict[str, str]) -> None:
    if client.get(CONFIG_MAPS, name, namespace) is None:
        client.create(CONFIG_MAPS, {"metadata": {"name": name, "namespace": namespace}, "data": data})


def _hosted_cluster(cloud: Cloud, seed: HostedClusterSeed) -> Object:
    name, infra_id = seed.name, seed.infra_id
    role = f"arn:aws:iam::{ACCOUNT_ID}:role/{infra_id}"
    subnet = worker_subnet(cloud, ZONES[0])
    encrypted = {"type": "aescbc", "aescbc": {"activeKey": {"name": f"{name}-etcd-encryption-key"}}}
    hosts = {"APIServer": "api", "OAuthServer": "oauth", "Konnectivity": "konnectivity", "Ignition": "ignition"}
    return {
        "metadata": {"name": name, "namespace": seed.namespace},
        "spec": {
            "release": {"image": IMAGES[seed.shape.release]},
            "clusterID": f"8f6d2c1e-0b7a-4c55-9e3d-{infra_id.encode().hex()[-12:]}",
            "infraID": infra_id,
            "issuerURL": issuer_url(infra_id),
            "fips": False,
            "pullSecret": {"name": PULL_SECRET},
            "sshKey": {"name": f"{name}-ssh-key"},
            "additionalTrustBundle": {"name": f"{name}-trust-bundle"},
            **({"secretEncryption": encrypted} if seed.shape.encryption == "secret" else {}),
            "controllerAvailabilityPolicy": seed.shape.availability,
            "infrastructureAvailabilityPolicy": seed.shape.availability,
            "dns": {"baseDomain": DOMAIN},
            "etcd": {
                "managementType": "Managed",
                "managed": {
                    "storage": {
                        "type": "PersistentVolume",
                        "persistentVolume": {"size": "8Gi", "storageClassName": STORAGE_CLASS},
                    }
                },
            },
            "networking": {
                "networkType": "OVNKubernetes",
                "clusterNetwork": [{"cidr": "10.132.0.0/14"}],
                "serviceNetwork": [{"cidr": "172.31.0.0/16"}],
            },
            "platform": {
                "type": "AWS",
                "aws": {
                    "region": REGION,
                    "endpointAccess": seed.shape.access,
                    "cloudProviderConfig": {"vpc": worker_vpc(cloud), "zone": ZONES[0], "subnet": {"id": subnet}},
                    "resourceTags": [{"key": f"kubernetes.io/cluster/{infra_id}", "value": "owned"}],
                    "rolesRef": {field: f"{role}-{field.removesuffix('ARN')}" for field in _ROLES},
                },
            },
            "services": [
                {"service": service, "servicePublishingStrategy": _strategy(seed, service, f"{prefix}-{name}.{DOMAIN}")}
                for service, prefix in hosts.items()
            ],
        },
    }


def _strategy(seed: HostedClusterSeed, service: str, host: str) -> Object:
    if service == "APIServer" and seed.shape.publishing == "LoadBalancer":
        return {"type": "LoadBalancer", "loadBalancer": {"hostname": host}}
    return {"type": "Route", "route": {"hostname": host}}


def _node_pool(cloud: Cloud, seed: HostedClusterSeed, name: str, zone: str) -> Object:
    return {
        "metadata": {"name": name, "namespace": seed.namespace},
        "spec": {
            "clusterName": seed.name,
            "replicas": seed.shape.machines,
            "release": {"image": IMAGES[seed.shape.release]},
            "arch": "amd64",
            "config": [{"name": each} for each in seed.config.get(name, ())],
            "management": {
                "upgradeType": "Replace",
                "autoRepair": True,
                "replace": {"strategy": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            },
            "platform": {
                "type": "AWS",
                "aws": {
                    "instanceType": "m6i.large",
                    "ami": worker_image(cloud),
                    "instanceProfile": f"{seed.infra_id}-worker",
                    "subnet": {"id": worker_subnet(cloud, zone)},
                    "rootVolume": {"size": 120, "type": "gp3"},
                },
            },
        },
    }


_KUBELET_CONFIG = """\
apiVersion: machineconfiguration.openshift.io/v1
kind: KubeletConfig
metadata:
  name: workers
spec:
  kubeletConfig:
    maxPods: 400
"""
