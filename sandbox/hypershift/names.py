"""The names that HyperShift derives from a HostedCluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.informer import Key

CLUSTER_ANNOTATION = "hypershift.openshift.io/cluster"
NODE_POOL_ANNOTATION = "hypershift.openshift.io/nodePool"
CONTROL_PLANE_LABEL = "hypershift.openshift.io/hosted-control-plane"
REFERENCED = "referenced-resource.hypershift.openshift.io/"
FINALIZER = "hypershift.openshift.io/finalizer"
OIDC_FINALIZER = "hypershift.io/aws-oidc-discovery"
COMPONENT_FINALIZER = "hypershift.openshift.io/component-finalizer"
CAPI_CLUSTER_LABEL = "cluster.x-k8s.io/cluster-name"
PAUSED_ANNOTATION = "cluster.x-k8s.io/paused"
ROUTE_OF = {  # service of the HostedCluster: its Route in the control plane's namespace
    "APIServer": "kube-apiserver",
    "OAuthServer": "oauth",
    "Konnectivity": "konnectivity-server",
    "Ignition": "ignition-server",
}


def control_plane_namespace(hosted_cluster: Object) -> str:
    """Namespace of the hosted control plane: `<namespace>-<name>`, dots of the name as dashes."""
    metadata = hosted_cluster["metadata"]
    return f"{metadata['namespace']}-{metadata['name'].replace('.', '-')}"


def hosted_cluster_of(obj: Object) -> Key | None:
    """The HostedCluster named by the annotation of an object in the control plane's namespace."""
    value = (obj["metadata"].get("annotations") or {}).get(CLUSTER_ANNOTATION, "")
    namespace, _, name = value.partition("/")
    return (namespace, name) if name else None


def host_of(spec: Object, service: str) -> str | None:
    """The public host name of a published service of type Route."""
    for each in spec.get("services") or []:
        if each["service"] == service:
            strategy = each["servicePublishingStrategy"]
            host: str | None = (strategy.get("route") or {}).get("hostname")
            return host
    return None


def replicas_of(spec: Object, highly_available: int = 3) -> int:
    """How many replicas the availability policy asks for."""
    return 1 if spec.get("controllerAvailabilityPolicy") == "SingleReplica" else highly_available
