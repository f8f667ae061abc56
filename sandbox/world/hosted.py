"""The hosted clusters: `blue`, which is moved, and its neighbour `blue-green`, which nothing may ever touch."""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

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
from sandbox.hypershift.release import RELEASE_IMAGE
from sandbox.objects import condition, ensure
from sandbox.pki import create_authority
from sandbox.plan import ACCOUNT_ID, DOMAIN, REGION, RELEASE_REGISTRY, ZONES
from sandbox.world.aws import worker_image, worker_subnet
from sandbox.world.management import STORAGE_CLASS

if TYPE_CHECKING:
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
    """One hosted cluster to make: pools by name with their replicas, and the config maps of each."""

    name: str
    infra_id: str
    availability: str
    pools: tuple[tuple[str, int, tuple[str, ...]], ...]


BLUE = HostedClusterSeed(
    "blue",
    "blue-x7k2p",
    "HighlyAvailable",
    (("workers-a", 2, ("workers-kubelet-config",)), ("workers-b", 2, ())),
)
BLUE_GREEN = HostedClusterSeed("blue-green", "blue-green-q9w4z", "SingleReplica", (("green-workers", 1, ()),))


def create_hosted_clusters(plan: Plan) -> None:
    """Create both on the first management cluster, with everything they refer to. May run twice. Raises ApiError."""
    client, cloud = shared_client(plan.management_clusters[0].controllers_kubeconfig), Cloud(plan)
    ensure(client, NAMESPACES, {"metadata": {"name": NAMESPACE}})
    auth = base64.b64encode(f"sandbox:{secrets.token_urlsafe(12)}".encode()).decode()
    auths = json.dumps({"auths": {RELEASE_REGISTRY: {"auth": auth}}})
    _secret(client, PULL_SECRET, {".dockerconfigjson": auths.encode()}, "kubernetes.io/dockerconfigjson")
    _config_map(client, "workers-kubelet-config", {"config": _KUBELET_CONFIG})
    for each in (BLUE, BLUE_GREEN):
        _references(client, each.name)
        if client.get(HOSTED_CLUSTERS, each.name, NAMESPACE) is None:
            _create(client, HOSTED_CLUSTERS, _hosted_cluster(cloud, each))
        for number, (pool, replicas, config) in enumerate(each.pools):
            if client.get(NODE_POOLS, pool, NAMESPACE) is None:
                zone = ZONES[number % len(ZONES)]
                _create(client, NODE_POOLS, _node_pool(cloud, each, pool, replicas, config, zone))


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


def wait_until_available(
    plan: Plan, name: str, timeout: float, *, cluster: ManagementClusterPlan | None = None
) -> None:
    """Wait until the hosted cluster is Available and its DNS name leads to a hosted API that answers.

    Writes `<run>/hosted/<name>/kubeconfig` and `ca.crt` then. Raises TimeoutError after `timeout` seconds.
    """
    client = shared_client((cluster or plan.management_clusters[0]).controllers_kubeconfig)
    wanted = ("Available", "ExternalDNSReachable", "ClusterVersionSucceeding")
    _wait(client, HOSTED_CLUSTERS.kind, name, wanted, timeout)
    secret = client.get(SECRETS, f"{name}-admin-kubeconfig", NAMESPACE)
    assert secret is not None
    kubeconfig = base64.b64decode(secret["data"]["kubeconfig"])
    authority = yaml.safe_load(kubeconfig)["clusters"][0]["cluster"]["certificate-authority-data"]
    folder = plan.run / "hosted" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ca.crt").write_bytes(base64.b64decode(authority))
    # The kubeconfig comes last, and at once: others take its presence as the sign that the cluster is up.
    part = folder / "kubeconfig.part"
    part.touch(mode=0o600)
    part.write_bytes(kubeconfig)
    part.rename(folder / "kubeconfig")


def wait_until_nodes_ready(
    plan: Plan, name: str, timeout: float, *, cluster: ManagementClusterPlan | None = None
) -> None:
    """Wait until every NodePool of the hosted cluster has all its machines and healthy nodes. Raises TimeoutError."""
    client = shared_client((cluster or plan.management_clusters[0]).controllers_kubeconfig)
    deadline = time.monotonic() + timeout
    for pool in client.list(NODE_POOLS, NAMESPACE):
        if pool["spec"]["clusterName"] == name:
            wanted = ("AllMachinesReady", "AllNodesHealthy")
            _wait(client, NODE_POOLS.kind, pool["metadata"]["name"], wanted, deadline - time.monotonic())


def _wait(client: Client, kind: str, name: str, wanted: tuple[str, ...], timeout: float) -> None:
    resource = HOSTED_CLUSTERS if kind == HOSTED_CLUSTERS.kind else NODE_POOLS
    deadline = time.monotonic() + timeout
    while True:
        found = client.get(resource, name, NAMESPACE) or {}
        missing = [each for each in wanted if (condition(found, each) or {}).get("status") != "True"]
        if not missing:
            return
        if time.monotonic() > deadline:
            told = "; ".join(f"{each}: {(condition(found, each) or {}).get('message', 'not told')}" for each in missing)
            raise TimeoutError(f"{kind} {name}: {told}")
        time.sleep(_POLL_SECONDS)


def _references(client: Client, name: str) -> None:
    _secret(client, f"{name}-ssh-key", {"id_rsa.pub": b"ssh-ed25519 " + base64.b64encode(secrets.token_bytes(51))})
    _secret(client, f"{name}-etcd-encryption-key", {"key": secrets.token_bytes(32)})
    bundle = create_authority(f"corporate proxy of {name}").certificate.decode()
    _config_map(client, f"{name}-trust-bundle", {"ca-bundle.crt": bundle})


def _secret(client: Client, name: str, data: dict[str, bytes], kind: str = "Opaque") -> None:
    if client.get(SECRETS, name, NAMESPACE) is None:
        encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
        client.create(SECRETS, {"metadata": {"name": name, "namespace": NAMESPACE}, "type": kind, "data": encoded})


def _config_map(client: Client, name: str, data: dict[str, str]) -> None:
    if client.get(CONFIG_MAPS, name, NAMESPACE) is None:
        client.create(CONFIG_MAPS, {"metadata": {"name": name, "namespace": NAMESPACE}, "data": data})


def _hosted_cluster(cloud: Cloud, seed: HostedClusterSeed) -> Object:
    name, infra_id = seed.name, seed.infra_id
    role = f"arn:aws:iam::{ACCOUNT_ID}:role/{infra_id}"
    subnet = worker_subnet(cloud, ZONES[0])
    vpc = cloud.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
    hosts = {"APIServer": "api", "OAuthServer": "oauth", "Konnectivity": "konnectivity", "Ignition": "ignition"}
    return {
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "release": {"image": RELEASE_IMAGE},
            "clusterID": f"8f6d2c1e-0b7a-4c55-9e3d-{infra_id.encode().hex()[-12:]}",
            "infraID": infra_id,
            "issuerURL": issuer_url(infra_id),
            "fips": False,
            "pullSecret": {"name": PULL_SECRET},
            "sshKey": {"name": f"{name}-ssh-key"},
            "additionalTrustBundle": {"name": f"{name}-trust-bundle"},
            "secretEncryption": {"type": "aescbc", "aescbc": {"activeKey": {"name": f"{name}-etcd-encryption-key"}}},
            "controllerAvailabilityPolicy": seed.availability,
            "infrastructureAvailabilityPolicy": seed.availability,
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
                    "endpointAccess": "Public",
                    "cloudProviderConfig": {"vpc": vpc, "zone": ZONES[0], "subnet": {"id": subnet}},
                    "resourceTags": [{"key": f"kubernetes.io/cluster/{infra_id}", "value": "owned"}],
                    "rolesRef": {field: f"{role}-{field.removesuffix('ARN')}" for field in _ROLES},
                },
            },
            "services": [
                {
                    "service": service,
                    "servicePublishingStrategy": {
                        "type": "Route",
                        "route": {"hostname": f"{prefix}-{name}.{DOMAIN}"},
                    },
                }
                for service, prefix in hosts.items()
            ],
        },
    }


def _node_pool(
    cloud: Cloud, seed: HostedClusterSeed, name: str, replicas: int, config: tuple[str, ...], zone: str
) -> Object:
    return {
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "clusterName": seed.name,
            "replicas": replicas,
            "release": {"image": RELEASE_IMAGE},
            "arch": "amd64",
            "config": [{"name": each} for each in config],
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
