"""The Kubernetes kinds that Lifeboat touches, by full resource name.

`machine` alone is ambiguous on OpenShift (machine.openshift.io): every request uses group and plural. Kinds of
Cluster API carry no version here: an operator from 4.23 on stores v1beta2 and serves v1beta1 through a webhook that
the operator itself answers, so requests must use the stored version, read from the CRD.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Resource:
    """One kind. `version` None: the stored version is read from the CRD."""

    group: str
    version: str | None
    plural: str
    kind: str
    namespaced: bool = True

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def crd(self) -> str:
        """Name of the CustomResourceDefinition."""
        return f"{self.plural}.{self.group}"

    def api_version(self, version: str | None = None) -> str:
        chosen = version or self.version
        if chosen is None:
            msg = f"{self}: the stored version is known only to a cluster"
            raise ValueError(msg)
        return f"{self.group}/{chosen}" if self.group else chosen


_HYPERSHIFT = ("hypershift.openshift.io", "v1beta1")
_CAPI = ("cluster.x-k8s.io", None)
_CAPA = ("infrastructure.cluster.x-k8s.io", None)
_RBAC = ("rbac.authorization.k8s.io", "v1")

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
PODS = Resource("", "v1", "pods", "Pod")
SERVICES = Resource("", "v1", "services", "Service")
SECRETS = Resource("", "v1", "secrets", "Secret")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
PERSISTENT_VOLUME_CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
PERSISTENT_VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
JOBS = Resource("batch", "v1", "jobs", "Job")
STORAGE_CLASSES = Resource("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False)
CLUSTER_ROLES = Resource(*_RBAC, "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource(*_RBAC, "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
VALIDATING_WEBHOOKS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)
MUTATING_WEBHOOKS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    namespaced=False,
)
CUSTOM_RESOURCE_DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
ROUTES = Resource("route.openshift.io", "v1", "routes", "Route")

HOSTED_CLUSTERS = Resource(*_HYPERSHIFT, "hostedclusters", "HostedCluster")
NODE_POOLS = Resource(*_HYPERSHIFT, "nodepools", "NodePool")
HOSTED_CONTROL_PLANES = Resource(*_HYPERSHIFT, "hostedcontrolplanes", "HostedControlPlane")
AWS_ENDPOINT_SERVICES = Resource(*_HYPERSHIFT, "awsendpointservices", "AWSEndpointService")

CLUSTERS = Resource(*_CAPI, "clusters", "Cluster")
MACHINE_DEPLOYMENTS = Resource(*_CAPI, "machinedeployments", "MachineDeployment")
MACHINE_SETS = Resource(*_CAPI, "machinesets", "MachineSet")
MACHINES = Resource(*_CAPI, "machines", "Machine")
MACHINE_HEALTH_CHECKS = Resource(*_CAPI, "machinehealthchecks", "MachineHealthCheck")
AWS_CLUSTERS = Resource(*_CAPA, "awsclusters", "AWSCluster")
AWS_MACHINES = Resource(*_CAPA, "awsmachines", "AWSMachine")
AWS_MACHINE_TEMPLATES = Resource(*_CAPA, "awsmachinetemplates", "AWSMachineTemplate")

BY_KIND = {resource.kind: resource for resource in globals().copy().values() if isinstance(resource, Resource)}
"""Resource by kind; kinds are unique within this table."""
