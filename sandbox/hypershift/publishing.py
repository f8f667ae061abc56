"""How a hosted control plane is published: its Services, Routes and AWSEndpointServices, by access and by strategy.

| | Public | PublicAndPrivate | Private |
|---|---|---|---|
| load balancers | `router` | `router`, `private-router` | `private-router` |
| APIServer by LoadBalancer: also | `kube-apiserver` | that, `kube-apiserver-private` | `kube-apiserver-private` |
| Routes | public | public, one internal | private, one internal |
| public names of APIServer and OAuth lead to | load balancers | load balancers | the VPC endpoint, by ExternalName |

Behind every load balancer stands the hosted API alone: of the published services it is the only one that really
listens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.hypershift.names import (
    CONTROL_PLANE_LABEL,
    HOST_ANNOTATION,
    ROUTE_OF,
    VISIBILITY_LABEL,
    host_of,
    is_private,
    is_public,
    private_host,
    strategy_of,
)
from sandbox.objects import owner_reference, status_of
from sandbox.plan import API_PORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.client import Object, Objects

PRIVATE_ROUTER, PRIVATE_API = "private-router", "kube-apiserver-private"
_INTERNAL = {
    "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
    "service.beta.kubernetes.io/aws-load-balancer-type": "nlb",
}
EXTERNAL_NAMES = {"APIServer": "kube-apiserver-private-external", "OAuthServer": "oauth-private-external"}


def services(control_plane: Object) -> Objects:
    """`kube-apiserver` inside, and the load balancers."""
    spec = control_plane["spec"]
    by_balancer = strategy_of(spec, "APIServer") == "LoadBalancer"
    named = {HOST_ANNOTATION: host_of(spec, "APIServer")}
    found = [
        _service(control_plane, "kube-apiserver", "LoadBalancer", named)
        if by_balancer and is_public(spec)
        else _service(control_plane, "kube-apiserver", "ClusterIP")
    ]
    if is_public(spec):
        found.append(_service(control_plane, "router", "LoadBalancer"))
    if is_private(spec):
        found.append(_service(control_plane, PRIVATE_ROUTER, "LoadBalancer", _INTERNAL))
    if is_private(spec) and by_balancer:
        found.append(_service(control_plane, PRIVATE_API, "LoadBalancer", _INTERNAL))
    return found


def balancers(control_plane: Object) -> list[str]:
    """The names of the Services that are load balancers."""
    return [each["metadata"]["name"] for each in services(control_plane) if each["spec"]["type"] == "LoadBalancer"]


def router_of(control_plane: Object) -> str:
    """The Service by which Routes are reached."""
    return "router" if is_public(control_plane["spec"]) else PRIVATE_ROUTER


def routes(control_plane: Object) -> Objects:
    """One Route for each service that is published by one; the internal one of the API where there is an endpoint."""
    spec = control_plane["spec"]
    found = []
    for service, name in ROUTE_OF.items():
        host = host_of(spec, service)
        if host and strategy_of(spec, service) == "Route":
            own = name if is_public(spec) or service not in EXTERNAL_NAMES else f"{name}-private"
            found.append(_route(control_plane, own, name, host, private=not is_public(spec)))
    if is_private(spec):
        host = private_host(control_plane["metadata"]["name"])
        found.append(_route(control_plane, "kube-apiserver-internal", "kube-apiserver", host, private=True))
    return found


def endpoint_services(control_plane: Object, balancer_of: Callable[[str], str | None]) -> Objects:
    """An AWSEndpointService for each internal load balancer that has a name; `balancer_of(service)` tells it."""
    spec, metadata = control_plane["spec"], control_plane["metadata"]
    platform = spec["platform"]["aws"]
    subnet = ((platform.get("cloudProviderConfig") or {}).get("subnet") or {}).get("id")
    found = []
    for name in (PRIVATE_ROUTER, PRIVATE_API):
        balancer = balancer_of(name) if name in balancers(control_plane) else None
        if balancer:
            owners = [owner_reference(control_plane)]
            own = {"name": name, "namespace": metadata["namespace"], "ownerReferences": owners}
            tags = [{"key": each["key"], "value": each["value"]} for each in platform.get("resourceTags") or []]
            of = {"networkLoadBalancerName": balancer, "subnetIDs": [subnet] if subnet else [], "resourceTags": tags}
            found.append({"metadata": own, "spec": of})
    return found


def private_labels(spec: Object, endpoint_service: str) -> tuple[str, ...]:
    """What an AWSEndpointService answers for below `<hosted cluster>.hypershift.local`."""
    if endpoint_service == PRIVATE_API:
        return ("api",)
    return ("api", "*.apps") if strategy_of(spec, "APIServer") == "Route" else ("*.apps",)


def external_names(control_plane: Object, endpoint_service: str, target: str) -> Objects:
    """Services by which ExternalDNS publishes the names of a cluster that only a VPC endpoint leads to."""
    spec = control_plane["spec"]
    if is_public(spec):
        return []
    api = PRIVATE_API if strategy_of(spec, "APIServer") == "LoadBalancer" else PRIVATE_ROUTER
    served = {"APIServer": api, "OAuthServer": PRIVATE_ROUTER}
    found = []
    for service, name in EXTERNAL_NAMES.items():
        host = host_of(spec, service)
        if host and served[service] == endpoint_service:
            metadata = _metadata(control_plane, name, {HOST_ANNOTATION: host})
            found.append({"metadata": metadata, "spec": {"type": "ExternalName", "externalName": target}})
    return found


def balancer_host(service: Object | None) -> str | None:
    """The host name that a load balancer has got."""
    ingress = (status_of(service or {}).get("loadBalancer") or {}).get("ingress") or []
    return str(ingress[0]["hostname"]) if ingress else None


def _service(control_plane: Object, name: str, kind: str, annotations: Object | None = None) -> Object:
    port = {"name": "https", "port": API_PORT, "targetPort": API_PORT, "protocol": "TCP"}
    spec = {"type": kind, "selector": {"app": "kube-apiserver"}, "ports": [port]}
    return {"metadata": _metadata(control_plane, name, annotations), "spec": spec}


def _metadata(control_plane: Object, name: str, annotations: Object | None) -> Object:
    metadata: Object = {
        "name": name,
        "namespace": control_plane["metadata"]["namespace"],
        "labels": {"app": name},
        "ownerReferences": [owner_reference(control_plane)],
    }
    return {**metadata, "annotations": annotations} if annotations else metadata


def _route(control_plane: Object, name: str, service: str, host: str, *, private: bool) -> Object:
    namespace = control_plane["metadata"]["namespace"]
    labels = {CONTROL_PLANE_LABEL: namespace, **({VISIBILITY_LABEL: "private"} if private else {})}
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "ownerReferences": [owner_reference(control_plane)],
        },
        "spec": {
            "host": host,
            "to": {"kind": "Service", "name": service, "weight": 100},
            "tls": {"termination": "passthrough", "insecureEdgeTerminationPolicy": "None"},
            "wildcardPolicy": "None",
        },
    }
