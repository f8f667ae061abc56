"""/etc/hosts of pods: what the cluster's DNS would answer, from Services and pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.objects import is_ready, status_of
from sandbox.services import members

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sandbox.node.environment import Object


def localhost(pod_ip: str) -> str:
    """The loopback address that is a pod's own `localhost`.

    etcd listens on its pod address and on localhost at the same port, so they cannot be the same. Pods have the
    addresses 127.A.(16i+0..7).x of their sandbox (see `sandbox.plan`); 127.A.(16i+8+4..).x of etcd pods is free.
    """
    first, second, third, last = pod_ip.split(".")
    number = int(third)
    return f"{first}.{second}.{number + 8}.{last}" if number % 16 in range(4, 8) else pod_ip


def render(pod: Object, pod_ip: str, services: Iterable[Object], pods: Collection[Object]) -> str:
    """The file for `pod`; `services` and `pods` are those of its namespace.

    A member has a name under each Service that leads to it, by its `hostname` or else its own name. A Service's name
    leads to the members themselves: there is no network that would give it an address of its own.
    """
    namespace = pod["metadata"]["namespace"]
    name = pod["metadata"]["name"]
    # The second line serves programs that listen on the pod's address only: they are asked when the first refuses.
    lines = [f"{localhost(pod_ip)} localhost", f"{pod_ip} localhost {name}", f"{pod_ip} {name}"]
    for service in sorted(services, key=lambda each: str(each["metadata"]["name"])):
        lines.extend(_of_service(service["metadata"]["name"], namespace, members(service, pods)))
    lines.extend(f"{alias['ip']} {' '.join(alias['hostnames'])}" for alias in pod["spec"].get("hostAliases") or ())
    return "\n".join(dict.fromkeys(lines)) + "\n"


def shows(pod: Object) -> object:
    """What of a pod other pods' files depend on."""
    metadata, status = pod["metadata"], status_of(pod)
    leaving = "deletionTimestamp" in metadata
    hostname = pod["spec"].get("hostname")
    return status.get("podIP"), status.get("phase"), is_ready(pod), leaving, hostname, metadata.get("labels")


def _of_service(service: str, namespace: str, found: Iterable[Object]) -> list[str]:
    named = [(each["status"]["podIP"], each["spec"].get("hostname") or each["metadata"]["name"]) for each in found]
    return [
        *(f"{address} {_names(f'{member}.{service}', namespace)}" for address, member in named),
        *(f"{address} {_names(service, namespace)}" for address, _ in named),
    ]


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
