"""The sandbox's definitions on a real API: applied, and waited for until their kinds are served."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from sandbox.client import SERVICE_ACCOUNTS, Client, Resource
from sandbox.crds import definitions
from sandbox.objects import condition

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.client import Object
    from sandbox.plan import ManagementClusterPlan, Plan

DEFINITIONS = Resource(
    "apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
MANAGER = "sandbox"
_NAMESPACES = ("default", "kube-system")
_SECONDS, _POLL = 60.0, 0.1


def install(plan: Plan, cluster: ManagementClusterPlan) -> None:
    """Apply them and wait until each is Established and discovered.

    By server-side apply, as the annotation of an ordinary apply cannot hold a large one. May run twice.
    Raises ApiError, TimeoutError.
    """
    client = Client(cluster.controllers_kubeconfig)
    wanted = definitions(plan, cluster)
    with ThreadPoolExecutor(max_workers=4) as pool:
        for applied in [pool.submit(client.apply, DEFINITIONS, each, MANAGER) for each in wanted]:
            applied.result()
    deadline = time.monotonic() + _SECONDS
    for each in wanted:
        _wait(partial(_is_served, client, each), each["metadata"]["name"], deadline)


def wait_for_accounts(cluster: ManagementClusterPlan) -> None:
    """Wait until the first namespaces take pods, which need a service account. Raises ApiError, TimeoutError."""
    client = Client(cluster.controllers_kubeconfig)
    deadline = time.monotonic() + _SECONDS
    for name in _NAMESPACES:
        _wait(partial(_has_account, client, name), f"service account default of namespace {name}", deadline)


def _wait(done: Callable[[], bool], what: str, deadline: float) -> None:
    while not done():
        if time.monotonic() > deadline:
            msg = f"{what} was not there within {_SECONDS:.0f} s"
            raise TimeoutError(msg)
        time.sleep(_POLL)


def _has_account(client: Client, namespace: str) -> bool:
    return client.get(SERVICE_ACCOUNTS, "default", namespace) is not None


def _is_served(client: Client, definition: Object) -> bool:
    live = client.get(DEFINITIONS, definition["metadata"]["name"]) or {}
    if (condition(live, "Established") or {}).get("status") != "True":
        return False
    spec = definition["spec"]
    served = [f"{spec['group']}/{each['name']}" for each in spec["versions"] if each["served"]]
    return all(client.serves(version, spec["names"]["plural"]) for version in served)
