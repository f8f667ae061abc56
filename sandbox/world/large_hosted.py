"""The bodies of a large hosted cluster, all but the machines. `large` creates them, owners first."""

from __future__ import annotations

import base64
import random
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.client import (
    AWS_CLUSTERS,
    HOSTED_CONTROL_PLANES,
)
from sandbox.hypershift.cluster_api import CLUSTER_FINALIZER
from sandbox.hypershift.names import (
    CAPI_CLUSTER_LABEL,
    CLUSTER_ANNOTATION,
    FINALIZER,
    NODE_POOL_ANNOTATION,
    OIDC_FINALIZER,
    REFERENCED,
)
from sandbox.hypershift.oidc import issuer_url
from sandbox.hypershift.operator_objects import OWNER_NAME_LABEL, OWNER_NAMESPACE_LABEL
from sandbox.hypershift.release import RELEASE_IMAGE
from sandbox.objects import digest, owner_reference
from sandbox.plan import ACCOUNT_ID, API_PORT, DOMAIN, REGION, ZONES

if TYPE_CHECKING:
    from sandbox.client import Object, Objects
    from sandbox.world.large_seed import LargeSeed

_TIME = "2026-11-01T08:00:00Z"
_CERTIFICATE, _KEY = 1400, 1700  # bytes
_LEFT_OUT = 20  # Secrets of the control plane's namespace that no backup takes, besides the ignition tokens


class HostedBodies:
    """The HostedCluster, its control plane and what they refer to, as they are to be created.

    `status` goes to its subresource.
    """

    def __init__(self, seed: LargeSeed) -> None:
        self._seed = seed
        self._random = random.Random(seed.seed)
        self._inner = seed.control_plane_namespace

    def _bytes(self, size: int) -> str:
        return base64.b64encode(self._random.randbytes(size)).decode()

    def owned(self, body: Object, owner: Object) -> Object:
        return {**body, "metadata": {**body["metadata"], "ownerReferences": [owner]}}

    def _of_cluster(self) -> Object:
        return {CLUSTER_ANNOTATION: f"{self._seed.namespace}/{self._seed.name}"}

    def of_pool(self, pool: str) -> Object:
        return {NODE_POOL_ANNOTATION: f"{self._seed.namespace}/{pool}"}

    def _outer(self, name: str) -> Object:
        mark = {f"{REFERENCED}{self._seed.name}": "true"}
        return {"name": name, "namespace": self._seed.namespace, "annotations": mark}

    def referenced_secrets(self) -> Objects:
        name = self._seed.name
        names = ("pull-secret", "ssh-key", "etcd-encryption-key", "old-etcd-encryption-key", "audit-webhook")
        return [
            {"metadata": self._outer(f"{name}-{each}"), "type": "Opaque", "data": {"key": self._bytes(_KEY)}}
            for each in names
        ]

    def referenced_config_maps(self) -> Objects:
        bundle = {
            "metadata": self._outer(f"{self._seed.name}-trust-bundle"),
            "data": {"ca-bundle.crt": _pem(self._bytes(6000))},
        }
        config = (
            "apiVersion: machineconfiguration.openshift.io/v1\nkind: KubeletConfig\n"
            "spec:\n  kubeletConfig:\n    maxPods: {}\n"
        )
        return [
            bundle,
            *(
                {"metadata": self._outer(f"{pool}-kubelet"), "data": {"config": config.format(200 + number)}}
                for number, pool in enumerate(self._seed.pools())
            ),
        ]

    def hosted_cluster(self) -> Object:
        seed, name, infra_id = self._seed, self._seed.name, self._seed.infra_id
        return {
            "metadata": {"name": name, "namespace": seed.namespace, "finalizers": [FINALIZER, OIDC_FINALIZER]},
            "spec": {
                **self._shared_spec(),
                "release": {"image": RELEASE_IMAGE},
                "pullSecret": {"name": f"{name}-pull-secret"},
                "sshKey": {"name": f"{name}-ssh-key"},
                "additionalTrustBundle": {"name": f"{name}-trust-bundle"},
                "infraID": infra_id,
                "infrastructureAvailabilityPolicy": "HighlyAvailable",
            },
        }

    def _shared_spec(self) -> Object:
        """What HostedCluster and HostedControlPlane both say."""
        seed, name, infra_id = self._seed, self._seed.name, self._seed.infra_id
        role = f"arn:aws:iam::{ACCOUNT_ID}:role/{infra_id}"
        fields = ("controlPlaneOperator", "imageRegistry", "ingress", "kubeCloudController", "network",
                  "nodePoolManagement", "storage")  # fmt: skip
        hosts = {"APIServer": "api", "OAuthServer": "oauth", "Konnectivity": "konnectivity", "Ignition": "ignition"}
        keys = {"activeKey": {"name": f"{name}-etcd-encryption-key"},
                "backupKey": {"name": f"{name}-old-etcd-encryption-key"}}  # fmt: skip
        return {
            "clusterID": f"8f6d2c1e-0b7a-4c55-9e3d-{infra_id.encode().hex()[-12:].rjust(12, '0')}",
            "issuerURL": issuer_url(infra_id),
            "fips": False,
            "auditWebhook": {"name": f"{name}-audit-webhook"},
            "secretEncryption": {"type": "aescbc", "aescbc": keys},
            "controllerAvailabilityPolicy": "HighlyAvailable",
            "dns": {"baseDomain": DOMAIN},
            "etcd": {
                "managementType": "Managed",
                "managed": {"storage": {"type": "PersistentVolume", "persistentVolume": {"size": "8Gi"}}},
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
                    "endpointAccess": "PublicAndPrivate",
                    "cloudProviderConfig": {"vpc": "vpc-1", "zone": ZONES[0], "subnet": {"id": "subnet-1"}},
                    "resourceTags": [{"key": f"kubernetes.io/cluster/{infra_id}", "value": "owned"}],
                    "rolesRef": {f"{field}ARN": f"{role}-{field}" for field in fields},
                },
            },
            "services": [
                {
                    "service": service,
                    "servicePublishingStrategy": {
                        "type": "Route",
                        "route": {"hostname": f"{prefix}-{seed.name}.{DOMAIN}"},
                    },
                }
                for service, prefix in hosts.items()
            ],
        }

    def node_pool(self, pool: str, hosted: Object) -> Object:
        number = self._seed.pools().index(pool)
        return {
            "metadata": {
                "name": pool,
                "namespace": self._seed.namespace,
                "finalizers": [FINALIZER],
                "ownerReferences": [owner_reference(hosted, controller=False, block=False)],
            },
            "spec": {
                "clusterName": self._seed.name,
                "replicas": self._replicas(number),
                "release": {"image": RELEASE_IMAGE},
                "arch": "amd64",
                "config": [{"name": f"{pool}-kubelet"}],
                "management": {
                    "upgradeType": "Replace",
                    "autoRepair": True,
                    "replace": {"strategy": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                },
                "platform": {
                    "type": "AWS",
                    "aws": {
                        "instanceType": "m6i.large",
                        "ami": "ami-0a1b2c3d4e5f67890",
                        "instanceProfile": f"{self._seed.infra_id}-worker",
                        "subnet": {"id": f"subnet-{number % len(ZONES)}"},
                        "rootVolume": {"size": 120, "type": "gp3"},
                    },
                },
            },
        }

    def _replicas(self, pool: int) -> int:
        """Of the pool with that number: machines are dealt out in turn."""
        whole, rest = divmod(self._seed.machines, self._seed.node_pools)
        return whole + (pool < rest)

    def _endpoint(self) -> Object:
        return {"host": f"api-{self._seed.name}.{DOMAIN}", "port": API_PORT}

    def cluster(self, hosted: Object) -> Object:
        reference = {"name": hosted["metadata"]["name"], "namespace": self._inner}
        control_plane = {"apiVersion": HOSTED_CONTROL_PLANES.api_version, "kind": HOSTED_CONTROL_PLANES.kind}
        infrastructure = {"apiVersion": AWS_CLUSTERS.api_version, "kind": AWS_CLUSTERS.kind}
        return {
            "metadata": self._capi(self._seed.infra_id, CLUSTER_FINALIZER, self._of_cluster()),
            "spec": {
                "paused": False,
                "controlPlaneEndpoint": self._endpoint(),
                "controlPlaneRef": {**control_plane, **reference},
                "infrastructureRef": {**infrastructure, **reference},
            },
            "status": {"phase": "Provisioned", "infrastructureReady": True, "controlPlaneReady": True},
        }

    def _capi(self, name: str, finalizer: str | None, annotations: Object, **labels: str) -> Object:
        finalizers = {"finalizers": [finalizer]} if finalizer else {}
        common = {CAPI_CLUSTER_LABEL: self._seed.infra_id, **labels}
        return {"name": name, "namespace": self._inner, "labels": common, "annotations": annotations, **finalizers}

    def hosted_control_plane(self, hosted: Object, owners: Objects) -> Object:
        return {
            "metadata": {
                "name": self._seed.name,
                "namespace": self._inner,
                "annotations": self._of_cluster(),
                "finalizers": [FINALIZER],
                "ownerReferences": owners,
            },
            "spec": {
                **{field: value for field, value in self._shared_spec().items() if field in _CONTROL_PLANE_FIELDS},
                "infraID": hosted["spec"]["infraID"],
                "releaseImage": RELEASE_IMAGE,
                "pullSecret": {"name": "pull-secret"},
                "sshKey": {"name": "ssh-key"},
                "additionalTrustBundle": {"name": "user-ca-bundle"},
            },
        }

    def aws_cluster(self, cluster: Object) -> Object:
        metadata = self._capi(self._seed.name, None, {**self._of_cluster(), "cluster.x-k8s.io/managed-by": "external"})
        return {
            "metadata": {**metadata, "ownerReferences": [owner_reference(cluster)]},
            "spec": {"region": REGION, "controlPlaneEndpoint": self._endpoint()},
            "status": {"ready": True},
        }

    def inner_secrets(self) -> Objects:
        """User data of each pool, the signing key, then certificates and kubeconfigs; and what no backup takes."""
        pools = self._seed.pools()
        taken: list[tuple[str, Object, str]] = [
            (f"user-data-{pool}-{pool_hash(pool)}", {"value": self._bytes(1200), "format": _text("ignition")}, "Opaque")
            for pool in pools
        ]
        taken.append(
            (
                "sa-signing-key",
                _signing_key(),
                "Opaque",
            )
        )
        while len(taken) < self._seed.secrets:
            number = len(taken)
            if number % 10 == 0:
                taken.append((f"component-{number:03d}-kubeconfig", {"kubeconfig": self._bytes(6000)}, "Opaque"))
            else:
                pair = {"tls.crt": _text(_pem(self._bytes(_CERTIFICATE))), "tls.key": _text(_pem(self._bytes(_KEY)))}
                taken.append((f"component-{number:03d}-tls", pair, "kubernetes.io/tls"))
        left = [(f"token-{pool}-{pool_hash(pool)}", {"token": self._bytes(24)}, "Opaque") for pool in pools]
        left += [
            (f"component-{n:02d}-dockercfg", {".dockercfg": _text("{}")}, "kubernetes.io/dockercfg")
            for n in range(_LEFT_OUT)
        ]
        return [
            {"metadata": {"name": name, "namespace": self._inner}, "type": kind, "data": data}
            for name, data, kind in (*taken[: self._seed.secrets], *left)
        ]

    def route(self, name: str, owner: Object) -> Object:
        metadata = {"name": name, "namespace": self._inner, "ownerReferences": [owner]}
        to = {"kind": "Service", "name": name, "weight": 100}
        return {"metadata": metadata, "spec": {"host": f"{name}-{self._seed.name}.{DOMAIN}", "to": to}}

    def endpoint_service(self, name: str, owner: Object) -> Object:
        return {
            "metadata": {
                "name": name,
                "namespace": self._inner,
                "finalizers": ["hypershift.openshift.io/control-plane-operator-finalizer"],
                "ownerReferences": [owner],
            },
            "spec": {"networkLoadBalancerName": f"{name}-nlb", "subnetIDs": ["subnet-1"]},
            "status": {"endpointID": "vpce-1", "endpointServiceName": "vpce-svc-1", "securityGroupID": "sg-1"},
        }

    def role(self) -> Object:
        return {
            "metadata": {"name": f"{self._inner}-cpo", "labels": self._owner_labels()},
            "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}],
        }

    def role_binding(self) -> Object:
        return {
            "metadata": {"name": f"{self._inner}-cpo", "labels": self._owner_labels()},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"{self._inner}-cpo"},
            "subjects": [{"kind": "ServiceAccount", "name": "control-plane-operator", "namespace": self._inner}],
        }

    def _owner_labels(self) -> Object:
        return {OWNER_NAMESPACE_LABEL: self._seed.namespace, OWNER_NAME_LABEL: self._seed.name}


_CONTROL_PLANE_FIELDS = (
    "clusterID",
    "issuerURL",
    "fips",
    "auditWebhook",
    "secretEncryption",
    "controllerAvailabilityPolicy",
    "dns",
    "etcd",
    "networking",
    "platform",
    "services",
)


def pool_hash(pool: str) -> str:
    return digest(pool, 10)


def _text(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _pem(encoded: str) -> str:
    lines = [encoded[start : start + 64] for start in range(0, len(encoded), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _signing_key() -> Object:
    """As the operator makes it; a random one, so that the digest of the public key can be asked for."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"service-account.key": _text(private.decode()), "service-account.pub": _text(public.decode())}
