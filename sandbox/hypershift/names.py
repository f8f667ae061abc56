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
ENDPOINT_FINALIZER = "hypershift.openshift.io/control-plane-operator-finalizer"
ENDPOINT_SERVICE_FINALIZER = "hypershift.openshift.io/hypershift-operator-finalizer"
COMPONENT_FINALIZER = "hypershift.openshift.io/component-finalizer"
CAPI_CLUSTER_LABEL = "cluster.x-k8s.io/cluster-name"
HOST_ANNOTATION = "external-dns.alpha.kubernetes.io/hostname"
VISIBILITY_LABEL = "hypershift.openshift.io/route-visibility"
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
    """The public host name of a published service, whether by Route or by LoadBalancer."""
    strategy = _strategy(spec, service)
    host: str | None = (strategy.get("route") or strategy.get("loadBalancer") or {}).get("hostname")
    return host


def strategy_of(spec: Object, service: str) -> str | None:
    """`Route` or `LoadBalancer`."""
    kind: str | None = _strategy(spec, service).get("type")
    return kind


def _strategy(spec: Object, service: str) -> Object:
    for each in spec.get("services") or []:
        if each["service"] == service:
            strategy: Object = each["servicePublishingStrategy"]
            return strategy
    return {}


def is_private(spec: Object) -> bool:
    """Whether workers reach the API by a VPC endpoint."""
    return _access(spec) != "Public"


def is_public(spec: Object) -> bool:
    """Whether the API has a public load balancer."""
    return _access(spec) != "Private"


def _access(spec: Object) -> str:
    return str(((spec.get("platform") or {}).get("aws") or {}).get("endpointAccess", "Public"))


def private_domain(name: str) -> str:
    """The private zone of a hosted cluster."""
    return f"{name}.hypershift.local"


def private_host(name: str) -> str:
    """By which workers reach the API of a private hosted cluster."""
    return f"api.{private_domain(name)}"


def endpoint_host(spec: Object, name: str, namespace: str) -> str:
    """What the control plane's endpoint is told to be."""
    if not is_public(spec):
        return private_host(name)
    return host_of(spec, "APIServer") or f"kube-apiserver.{namespace}.svc"


def replicas_of(spec: Object, highly_available: int = 3) -> int:
    """How many replicas the availability policy asks for."""
    return 1 if spec.get("controllerAvailabilityPolicy") == "SingleReplica" else highly_available
