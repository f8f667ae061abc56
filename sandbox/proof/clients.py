"""One connection per management cluster, kept: every look would otherwise open (and forget) new ones."""

from __future__ import annotations

from functools import cache
from typing import Any

from kubernetes import config
from kubernetes.client import CoreV1Api

from sandbox.client import Client, shared_client
from sandbox.plan import ManagementClusterPlan


def client_of(cluster: ManagementClusterPlan) -> Client:
    """The administrator's client."""
    return shared_client(cluster.kubeconfig)


@cache
def core_of(cluster: ManagementClusterPlan) -> Any:
    """The ordinary client's core API, for exec."""
    return CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig)))
