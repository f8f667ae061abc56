"""Endpoints of every Service that has a selector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.client import ENDPOINTS, PODS, SERVICES
from sandbox.controllers.pods import is_leaving
from sandbox.informer import Controller, Key, split_selector
from sandbox.objects import ensure, is_ready, labels_of, owner_reference, status_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.client import Object, Objects
    from sandbox.controllers.context import Context


def endpoints_controller(context: Context) -> Controller:
    services, pods = context.informers.of(SERVICES), context.informers.of(PODS)

    def services_of(pod: Object) -> Iterable[Key]:
        namespace = pod["metadata"]["namespace"]
        return [
            (namespace, service["metadata"]["name"]) for service in services.list(namespace) if selects(service, pod)
        ]

    def reconcile(key: Key) -> None:
        service = services.get(key[1], key[0])
        if service is None or is_leaving(service) or not service["spec"].get("selector"):
            return
        chosen = [pod for pod in pods.list(key[0]) if selects(service, pod)]
        desired = {
            "metadata": {
                "name": key[1],
                "namespace": key[0],
                "labels": labels_of(service),
                "ownerReferences": [owner_reference(service, controller=False, block=False)],
            },
            "subsets": _subsets(service, chosen),
        }
        ensure(context.client, ENDPOINTS, desired)

    return Controller("endpoints", reconcile).watch(services).watch(pods, services_of)


def selects(service: Object, pod: Object) -> bool:
    """Whether the Service's selector chooses the pod."""
    selector = service["spec"].get("selector")
    return bool(selector) and split_selector(labels_of(pod), selector)


def port_of(port: Object, pod: Object) -> int | None:
    """The number behind a Service port at that pod; None when the pod has no port of the name."""
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"]:
        for each in container.get("ports") or []:
            if each.get("name") == target:
                number: int = each["containerPort"]
                return number
    return None


def _subsets(service: Object, pods: Objects) -> Objects:
    ready: Objects = []
    unready: Objects = []
    for pod in sorted(pods, key=lambda each: str(each["metadata"]["name"])):
        if not (ip := status_of(pod).get("podIP")) or is_leaving(pod):
            continue
        address: Object = {
            "ip": ip,
            "targetRef": {"kind": "Pod", **{name: pod["metadata"][name] for name in ("namespace", "name", "uid")}},
        }
        if pod["spec"].get("subdomain") == service["metadata"]["name"]:
            address["hostname"] = pod["spec"].get("hostname", "")
        early = service["spec"].get("publishNotReadyAddresses")
        (ready if is_ready(pod) or early else unready).append(address)
    if not ready and not unready:
        return []
    first = pods[0]
    ports = [
        {"port": port_of(port, first) or port["port"], "protocol": port.get("protocol", "TCP")}
        | ({"name": port["name"]} if port.get("name") else {})
        for port in service["spec"].get("ports") or []
    ]
    subset: Object = {"ports": ports}
    if ready:
        subset["addresses"] = ready
    if unready:
        subset["notReadyAddresses"] = unready
    return [subset]
