"""/etc/hosts of pods: what the cluster's DNS would answer, from Services, Endpoints and pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.node.environment import Object


def localhost(pod_ip: str) -> str:
    """The loopback address that is a pod's own `localhost`.

    etcd listens on its pod address and on localhost at the same port, so they cannot be the same. Pods have the
    addresses 127.A.(16i+0..7).x of their sandbox (see `sandbox.plan`); 127.A.(16i+8+4..).x of etcd pods is free.
    """
    first, second, third, last = pod_ip.split(".")
    number = int(third)
    return f"{first}.{second}.{number + 8}.{last}" if number % 16 in range(4, 8) else pod_ip


def render(pod: Object, pod_ip: str, services: Iterable[Object], endpoints: Iterable[Object]) -> str:
    """The file for `pod`; `services` and `endpoints` are those of its namespace.

    Endpoints that are not ready are named only when the Service publishes them, as a headless etcd service does.
    """
    namespace = pod["metadata"]["namespace"]
    name = pod["metadata"]["name"]
    # The second line serves programs that listen on the pod's address only: they are asked when the first refuses.
    lines = [f"{localhost(pod_ip)} localhost", f"{pod_ip} localhost {name}", f"{pod_ip} {name}"]
    published = {each["metadata"]["name"]: each for each in services}
    for each in endpoints:
        service = each["metadata"]["name"]
        if service in published:
            lines.extend(_of_service(service, namespace, published[service], each))
    lines.extend(f"{alias['ip']} {' '.join(alias['hostnames'])}" for alias in pod["spec"].get("hostAliases") or ())
    return "\n".join(dict.fromkeys(lines)) + "\n"


def _of_service(service: str, namespace: str, published: Object, endpoints: Object) -> list[str]:
    lines = []
    unready = (published.get("spec") or {}).get("publishNotReadyAddresses")
    for subset in endpoints.get("subsets") or []:
        ready = subset.get("addresses") or []
        listed = ready + (subset.get("notReadyAddresses") or [] if unready else [])
        for address in listed:
            member = address.get("hostname") or (address.get("targetRef") or {}).get("name")
            if member:
                lines.append(f"{address['ip']} {_names(f'{member}.{service}', namespace)}")
        lines.extend(f"{address['ip']} {_names(service, namespace)}" for address in listed)
    return lines


def _names(name: str, namespace: str) -> str:
    return " ".join((f"{name}.{namespace}.svc", f"{name}.{namespace}.svc.cluster.local", f"{name}.{namespace}", name))


def etcd_names(namespace: str, pod_ip: str, addresses: list[str]) -> dict[str, str]:
    """Names for rewriting: those of etcd members at the addresses that are always theirs, known before they run.

    `localhost` is the pod's address itself here: certificates hold it, and equal listeners of etcd become one.
    """
    names = {"localhost": pod_ip}
    for ordinal, address in enumerate(addresses):
        for service in ("etcd-discovery", "etcd-client"):
            name = f"etcd-{ordinal}.{service}.{namespace}.svc"
            names |= {name: address, f"{name}.cluster.local": address}
    for name in (f"etcd-client.{namespace}.svc", f"etcd-client.{namespace}.svc.cluster.local", "etcd-client"):
        names[name] = addresses[0]
    return names
