"""Which pods are behind a Service: by its selector, as the endpoint controllers decide it.

Nobody reads Endpoints in a sandbox: a real API refuses its loopback addresses there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.informer import split_selector
from sandbox.objects import is_ready, labels_of, status_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.client import Object, Objects


def selects(service: Object, pod: Object) -> bool:
    """Whether the Service's selector chooses the pod; one without a selector chooses none."""
    selector = service["spec"].get("selector")
    return bool(selector) and split_selector(labels_of(pod), selector)


def members(service: Object, pods: Iterable[Object]) -> Objects:
    """Those of `pods` that the Service's name leads to, by name; `pods` are of its namespace.

    They have an address and have not ended. Unless the Service publishes those that are not ready, they are ready and
    not being deleted.
    """
    early = service["spec"].get("publishNotReadyAddresses")
    found = [
        pod
        for pod in pods
        if selects(service, pod)
        and status_of(pod).get("podIP")
        and status_of(pod).get("phase") not in ("Succeeded", "Failed")
        and (early or (is_ready(pod) and "deletionTimestamp" not in pod["metadata"]))
    ]
    return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))


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
