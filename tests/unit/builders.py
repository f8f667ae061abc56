"""Objects in words: `a_hosted_cluster("blue").with_node_pool("workers-a", machines=2).on(cluster)`.

What is built looks as HyperShift leaves it at a source that serves: owners, labels, finalizers, status.
"""

from __future__ import annotations

import base64
import copy
from typing import Any

from lifeboat.model import HostedClusterRef, Manifest
from tests.unit.installed import external_dns
from tests.unit.memory import MemoryCluster, MemoryDns, MemoryInstances

SERVICES = {"APIServer": "api", "OAuthServer": "oauth", "Konnectivity": "konnectivity", "Ignition": "ignition"}
REGISTRY = "registry.release.example.com"
ETCD_IMAGE = f"{REGISTRY}/ocp/etcd:4.17.12"
VERSION = "4.17.12"
RELEASE = f"{REGISTRY}/ocp/release@sha256:{'ab' * 32}"
DOMAIN = "hosted.example.com"
_DEPLOYMENTS = {
    "control-plane-operator": 1,
    "cluster-api": 1,
    "capi-provider": 1,
    "kube-apiserver": 3,
    "openshift-apiserver": 3,
    "openshift-oauth-apiserver": 3,
}


def an_object(
    api_version: str, kind: str, name: str, namespace: str | None = None, *, owner: Manifest | None = None, **rest: Any
) -> Manifest:
    """Any object; `labels`, `annotations`, `finalizers` go into its metadata, all else beside it."""
    metadata: dict[str, Any] = {"name": name, "uid": f"uid-{kind}-{namespace}-{name}"}
    if namespace:
        metadata["namespace"] = namespace
    for field in ("labels", "annotations", "finalizers", "deletionTimestamp"):
        if field in rest:
            metadata[field] = rest.pop(field)
    if owner:
        reference = {key: owner[key] for key in ("apiVersion", "kind")}
        reference |= {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "controller": True}
        metadata["ownerReferences"] = [reference]
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


def a_secret(
    name: str, namespace: str, *, type_: str = "Opaque", owner: Manifest | None = None, **rest: Any
) -> Manifest:
    data = {"key": base64.b64encode(name.encode()).decode()}
    return an_object("v1", "Secret", name, namespace, owner=owner, type=type_, data=data, **rest)


def a_deployment(name: str, namespace: str, replicas: int, *, args: list[str] | None = None) -> Manifest:
    labels = {"app": name}
    container = {"name": name, "image": f"{REGISTRY}/ocp/{name}:4.17.12", **({"args": args} if args else {})}
    return an_object(
        "apps/v1",
        "Deployment",
        name,
        namespace,
        spec={
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
        status={"replicas": replicas, "readyReplicas": replicas},
    )


def a_pod(name: str, namespace: str, *, labels: dict[str, str], container: str = "main", **rest: Any) -> Manifest:
    status = {"phase": "Running", "containerStatuses": [{"name": container, "ready": True, "state": {"running": {}}}]}
    spec = {"containers": [{"name": container}]}
    return an_object("v1", "Pod", name, namespace, labels=labels, spec=spec, status=status, **rest)


class HostedClusterBuilder:
    """One hosted cluster with all that belongs to it."""

    def __init__(self, name: str, namespace: str = "clusters", infra_id: str | None = None) -> None:
        self.ref = HostedClusterRef(namespace, name)
        self.infra_id = infra_id or f"{name}-x7k2p"
        self._paused_until: str | None = None
        self._annotations: dict[str, str] = {}
        self._members = 3
        self._services = dict(SERVICES)
        self._platform = "AWS"
        self._extra_spec: dict[str, Any] = {}
        self._pools: list[dict[str, Any]] = []
        self._replicas = dict(_DEPLOYMENTS)

    def paused(self, until: str = "true", **annotations: str) -> HostedClusterBuilder:
        self._paused_until = until
        self._annotations |= {name.replace("__", "/"): value for name, value in annotations.items()}
        return self

    def with_members(self, members: int) -> HostedClusterBuilder:
        self._members = members
        return self

    def with_spec(self, **spec: Any) -> HostedClusterBuilder:
        self._extra_spec |= spec
        return self

    def with_replicas(self, **replicas: int) -> HostedClusterBuilder:
        self._replicas |= {name.replace("_", "-"): count for name, count in replicas.items()}
        return self

    def without_hostname(self, service: str) -> HostedClusterBuilder:
        self._services[service] = ""
        return self

    def with_node_pool(
        self,
        name: str,
        machines: int = 1,
        *,
        paused_until: str | None = None,
        auto_repair: bool = True,
        config: str | None = None,
    ) -> HostedClusterBuilder:
        self._pools.append(
            {"name": name, "machines": machines, "paused": paused_until, "repair": auto_repair, "config": config}
        )
        return self

    def hostname(self, service: str) -> str:
        return f"{self._services[service]}-{self.ref.name}.{DOMAIN}"

    def hosted_cluster(self) -> Manifest:
        name = self.ref.name
        spec: dict[str, Any] = {
            "infraID": self.infra_id,
            "clusterID": f"id-{name}",
            "release": {"image": RELEASE},
            "pullSecret": {"name": "pull-secret"},
            "sshKey": {"name": f"{name}-ssh-key"},
            "additionalTrustBundle": {"name": f"{name}-trust-bundle"},
            "secretEncryption": {"type": "aescbc", "aescbc": {"activeKey": {"name": f"{name}-etcd-encryption-key"}}},
            "controllerAvailabilityPolicy": "HighlyAvailable" if self._members > 1 else "SingleReplica",
            "platform": {"type": self._platform, "aws": {"region": "us-east-2", "endpointAccess": "Public"}},
            "etcd": {
                "managementType": "Managed",
                "managed": {
                    "storage": {
                        "type": "PersistentVolume",
                        "persistentVolume": {"size": "8Gi", "storageClassName": "gp3-csi"},
                    }
                },
            },
            "services": [
                {
                    "service": service,
                    "servicePublishingStrategy": {
                        "type": "Route",
                        "route": {"hostname": self.hostname(service)} if self._services[service] else {},
                    },
                }
                for service in self._services
            ],
            **self._extra_spec,
        }
        if self._paused_until:
            spec["pausedUntil"] = self._paused_until
        status = {
            "conditions": [{"type": "Available", "status": "True"}],
            "version": {
                "history": [{"state": "Completed", "version": VERSION, "image": RELEASE}],
                "availableUpdates": None,
            },
        }
        return an_object(
            "hypershift.openshift.io/v1beta1",
            "HostedCluster",
            name,
            self.ref.namespace,
            spec=spec,
            status=status,
            annotations=dict(self._annotations),
            finalizers=["hypershift.openshift.io/finalizer", "hypershift.io/aws-oidc-discovery"],
        )

    def objects(self) -> list[Manifest]:
        """Everything, owners before dependents."""
        outer, inner, name = self.ref.namespace, self.ref.control_plane_namespace, self.ref.name
        hosted = self.hosted_cluster()
        labels = {"cluster.x-k8s.io/cluster-name": self.infra_id}
        paused = {"pausedUntil": self._paused_until} if self._paused_until else {}
        control_plane = an_object(
            "hypershift.openshift.io/v1beta1",
            "HostedControlPlane",
            name,
            inner,
            spec={"infraID": self.infra_id, "etcd": copy.deepcopy(hosted["spec"]["etcd"]), **paused},
            finalizers=["hypershift.openshift.io/finalizer"],
        )
        cluster = an_object(
            "cluster.x-k8s.io/v1beta1",
            "Cluster",
            self.infra_id,
            inner,
            labels=labels,
            spec={"paused": False},
            finalizers=["cluster.cluster.x-k8s.io"],
        )
        control_plane["metadata"]["ownerReferences"] = [
            {
                "apiVersion": "cluster.x-k8s.io/v1beta1",
                "kind": "Cluster",
                "name": self.infra_id,
                "uid": cluster["metadata"]["uid"],
            }
        ]
        owner_labels = {"hypershift.openshift.io/owner.namespace": outer, "hypershift.openshift.io/owner.name": name}
        found = [
            hosted,
            a_secret(f"{name}-ssh-key", outer),
            a_secret(f"{name}-etcd-encryption-key", outer),
            an_object("v1", "ConfigMap", f"{name}-trust-bundle", outer, data={"ca-bundle.crt": "PEM"}),
            an_object("v1", "Namespace", inner),
            cluster,
            control_plane,
            an_object(
                "infrastructure.cluster.x-k8s.io/v1beta2",
                "AWSCluster",
                name,
                inner,
                labels=labels,
                owner=cluster,
                annotations={"cluster.x-k8s.io/managed-by": "external"},
                spec={"region": "us-east-2"},
            ),
            *(
                a_secret(each, inner, owner=control_plane)
                for each in ("root-ca", "sa-signing-key", "etcd-client-tls", "oauth-openshift-serving-cert")
            ),
            a_secret("pull-secret", inner, type_="kubernetes.io/dockerconfigjson", owner=control_plane),
            a_secret("default-token-abcde", inner, type_="kubernetes.io/service-account-token"),
            an_object("v1", "ConfigMap", "etcd-ca", inner, owner=control_plane, data={"ca.crt": "PEM"}),
            *(a_deployment(each, inner, count) for each, count in self._replicas.items()),
            self._etcd(inner),
            *(
                a_pod(f"etcd-{ordinal}", inner, labels={"app": "etcd"}, container="etcd")
                for ordinal in range(self._members)
            ),
            an_object(
                "route.openshift.io/v1",
                "Route",
                "kube-apiserver",
                inner,
                owner=control_plane,
                spec={"host": self.hostname("APIServer")},
            ),
            an_object("rbac.authorization.k8s.io/v1", "ClusterRole", f"{inner}-cpo", labels=owner_labels, rules=[]),
        ]
        for pool in self._pools:
            found += self._pool(pool, inner, hosted, cluster, labels)
        return found

    def on(
        self, cluster: MemoryCluster, dns: MemoryDns | None = None, instances: MemoryInstances | None = None
    ) -> HostedClusterBuilder:
        """Put everything there (and its public names and instances)."""
        shared = a_secret("pull-secret", self.ref.namespace, type_="kubernetes.io/dockerconfigjson")
        cluster.add(*self.objects(), shared)
        for service in self._services if dns else ():
            host = self.hostname(service)
            label, _, domain = host.partition(".")
            dns.add(host, "CNAME", "lb-127-9-24-1.elb.us-east-2.amazonaws.example")
            dns.add(f"{label}-external-dns.{domain}", "TXT", '"heritage=external-dns,external-dns/owner=owner-1"')
        if instances:
            machines = [each for each in self.objects() if each["kind"] == "Machine"]
            ids = [each["spec"]["providerID"].rsplit("/", 1)[1] for each in machines]
            instances.states[self.infra_id] = dict.fromkeys(ids, "running")
        return self

    def _etcd(self, namespace: str) -> Manifest:
        claim = {"storageClassName": "gp3-csi", "resources": {"requests": {"storage": "8Gi"}}}
        return an_object(
            "apps/v1",
            "StatefulSet",
            "etcd",
            namespace,
            spec={
                "replicas": self._members,
                "selector": {"matchLabels": {"app": "etcd"}},
                "template": {"spec": {"containers": [{"name": "etcd", "image": ETCD_IMAGE}, {"name": "healthz"}]}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
            },
            status={"replicas": self._members, "readyReplicas": self._members},
        )

    def _pool(
        self, pool: dict[str, Any], inner: str, hosted: Manifest, cluster: Manifest, labels: dict[str, str]
    ) -> list[Manifest]:
        outer, name = self.ref.namespace, pool["name"]
        config = [{"name": pool["config"]}] if pool["config"] else []
        spec = {
            "clusterName": self.ref.name,
            "replicas": pool["machines"],
            "config": config,
            "management": {"autoRepair": pool["repair"], "upgradeType": "Replace"},
            "release": {"image": RELEASE},
        }
        if pool["paused"]:
            spec["pausedUntil"] = pool["paused"]
        node_pool = an_object(
            "hypershift.openshift.io/v1beta1",
            "NodePool",
            name,
            outer,
            spec=spec,
            owner=hosted,
            finalizers=["hypershift.openshift.io/finalizer"],
        )
        template = f"{name}-1e5a2"
        deployment = an_object(
            "cluster.x-k8s.io/v1beta1",
            "MachineDeployment",
            name,
            inner,
            labels=labels,
            owner=cluster,
            spec={"clusterName": self.infra_id, "replicas": pool["machines"]},
        )
        machine_set = an_object(
            "cluster.x-k8s.io/v1beta1",
            "MachineSet",
            f"{name}-abc",
            inner,
            labels=labels,
            owner=deployment,
            spec={"clusterName": self.infra_id, "replicas": pool["machines"]},
        )
        found = [
            node_pool,
            *([an_object("v1", "ConfigMap", pool["config"], outer, data={"config": "kubelet"})] if config else []),
            a_secret(f"user-data-{template}", inner),
            a_secret(f"token-{template}", inner),
            an_object(
                "infrastructure.cluster.x-k8s.io/v1beta2",
                "AWSMachineTemplate",
                template,
                inner,
                owner=cluster,
                spec={"template": {"spec": {"instanceType": "m5.large"}}},
            ),
            deployment,
            machine_set,
        ]
        for number in range(pool["machines"]):
            instance = f"i-{self.ref.name}-{name}-{number}"
            provider_id = f"aws:///us-east-2a/{instance}"
            machine = an_object(
                "cluster.x-k8s.io/v1beta1",
                "Machine",
                f"{name}-abc-{number}",
                inner,
                labels=labels,
                owner=machine_set,
                finalizers=["machine.cluster.x-k8s.io"],
                spec={
                    "clusterName": self.infra_id,
                    "providerID": provider_id,
                    "bootstrap": {"dataSecretName": f"user-data-{template}"},
                    "infrastructureRef": {"kind": "AWSMachine", "name": f"{name}-abc-{number}", "namespace": inner},
                },
                status={"phase": "Running"},
            )
            found += [
                machine,
                an_object(
                    "infrastructure.cluster.x-k8s.io/v1beta2",
                    "AWSMachine",
                    f"{name}-abc-{number}",
                    inner,
                    labels=labels,
                    owner=machine,
                    finalizers=["awsmachine.infrastructure.cluster.x-k8s.io"],
                    spec={"providerID": provider_id, "instanceID": instance},
                ),
            ]
        return found


def a_hosted_cluster(name: str = "blue", **rest: Any) -> HostedClusterBuilder:
    return HostedClusterBuilder(name, **rest)


def blue() -> HostedClusterBuilder:
    """HighlyAvailable, two NodePools of two Machines."""
    return (
        a_hosted_cluster("blue")
        .with_node_pool("workers-a", machines=2, config="workers-kubelet-config")
        .with_node_pool("workers-b", machines=2)
    )


def its_neighbour() -> HostedClusterBuilder:
    """Same namespace, a name with the same prefix: nothing may touch it."""
    return (
        a_hosted_cluster("blue-green", infra_id="blue-green-q9w4z")
        .with_members(1)
        .with_node_pool("green-workers", machines=1)
    )


def a_crd(name: str, stored: str = "v1beta1", *, served: tuple[str, ...] = (), also_stored: str = "") -> Manifest:
    """With more than one version served, a webhook converts; `also_stored` may still be in some objects."""
    versions = [{"name": each, "served": True, "storage": each == stored} for each in served or (stored,)]
    conversion = {"strategy": "Webhook" if len(versions) > 1 else "None"}
    return an_object(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        name,
        spec={"versions": versions, "conversion": conversion},
        status={"storedVersions": [*([also_stored] if also_stored else []), stored]},
    )


def cluster_api_crds(stored: str = "v1beta1", *, also_stored: str = "") -> list[Manifest]:
    """As a HyperShift operator installs them: beside v1beta2 it serves v1beta1 through its webhook."""
    served = ("v1beta1", "v1beta2") if stored == "v1beta2" else (stored,)
    plurals = ("clusters", "machinedeployments", "machinesets", "machines", "machinehealthchecks")
    provider = ("awsclusters", "awsmachines", "awsmachinetemplates")
    return [
        *(a_crd(f"{each}.cluster.x-k8s.io", stored, served=served, also_stored=also_stored) for each in plurals),
        *(a_crd(f"{each}.infrastructure.cluster.x-k8s.io", "v1beta2") for each in provider),
    ]


def a_management_cluster(
    name: str = "mgmt-1", operator_replicas: int = 2, *, cluster_api: str = "v1beta1"
) -> MemoryCluster:
    """With the operator and its kinds, ExternalDNS, and the namespaces that every one has."""
    cluster = MemoryCluster(name)
    cluster.add(
        *cluster_api_crds(cluster_api),
        *(an_object("v1", "Namespace", each) for each in ("default", "hypershift", "clusters")),
        a_deployment("operator", "hypershift", operator_replicas),
        a_deployment("external-dns", "hypershift", 1, args=external_dns("owner-1", DOMAIN)),
    )
    return cluster
