"""What a management cluster holds before the first hosted cluster: HyperShift's installation and a StorageClass."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from sandbox.client import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    NAMESPACES,
    PRIORITY_CLASSES,
    SECRETS,
    STORAGE_CLASSES,
    VALIDATING_WEBHOOKS,
    shared_client,
)
from sandbox.controllers.volumes import PROVISIONER
from sandbox.hypershift.carriers import HYPERSHIFT
from sandbox.hypershift.cloud import OIDC_BUCKET
from sandbox.hypershift.operator_objects import OPERATOR_IMAGE
from sandbox.hypershift.release import SUPPORTED_VERSIONS
from sandbox.hypershift.webhooks import validating_configuration
from sandbox.hypershift.workloads import deployment, idle_pod
from sandbox.objects import ensure
from sandbox.plan import DOMAIN, REGION

if TYPE_CHECKING:
    from sandbox.client import Client, Object
    from sandbox.plan import ManagementClusterPlan, Plan

STORAGE_CLASS = "gp3-csi"
_PRIVATE_CREDENTIALS = "hypershift-operator-private-link-credentials"
# As `hypershift install` makes them; a pod that names one that is missing is refused.
_PRIORITIES = {
    "hypershift-control-plane": 100000000,
    "hypershift-api-critical": 100001000,
    "hypershift-etcd": 100002000,
    "hypershift-operator": 100003000,
}


def prepare_management_cluster(plan: Plan, cluster: ManagementClusterPlan) -> None:
    """Make them. May run twice. Raises ApiError."""
    client = shared_client(cluster.controllers_kubeconfig)
    for name in ("default", "kube-system", HYPERSHIFT):
        ensure(client, NAMESPACES, {"metadata": {"name": name}})
    for name, value in _PRIORITIES.items():
        ensure(client, PRIORITY_CLASSES, {"metadata": {"name": name}, "value": value})
    ensure(
        client,
        STORAGE_CLASSES,
        {
            "metadata": {
                "name": STORAGE_CLASS,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": PROVISIONER,
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "WaitForFirstConsumer",
            "parameters": {"type": "gp3"},
        },
    )
    ensure(
        client,
        CONFIG_MAPS,
        {
            "metadata": {"name": "supported-versions", "namespace": HYPERSHIFT},
            "data": {"supported-versions": json.dumps({"versions": SUPPORTED_VERSIONS}), "server-version": "sandbox"},
        },
    )
    if cluster.cluster_api == "v1beta2":  # an operator installed anew
        ensure(client, VALIDATING_WEBHOOKS, validating_configuration(cluster))
    operator = idle_pod("operator", OPERATOR_IMAGE, pull_secret=None)
    operator["containers"][0]["args"] = [
        "run",
        f"--oidc-storage-provider-s3-bucket-name={OIDC_BUCKET}",
        f"--oidc-storage-provider-s3-region={REGION}",
    ]
    if plan.shape.is_private:
        _install_private_platform(client, operator)
    ensure(client, DEPLOYMENTS, deployment(None, HYPERSHIFT, "operator", cluster.operator_replicas, operator))
    ensure(client, DEPLOYMENTS, deployment(None, HYPERSHIFT, "external-dns", 1, _external_dns(cluster)))


def _install_private_platform(client: Client, operator: Object) -> None:
    """As `hypershift install --private-platform=AWS` does, with credentials of its own."""
    text = b"[default]\naws_access_key_id = sandbox\naws_secret_access_key = sandbox\n"
    secret = {"metadata": {"name": _PRIVATE_CREDENTIALS, "namespace": HYPERSHIFT}, "type": "Opaque"}
    ensure(client, SECRETS, {**secret, "data": {"credentials": base64.b64encode(text).decode()}})
    operator["volumes"] = [{"name": "credentials", "secret": {"secretName": _PRIVATE_CREDENTIALS}}]
    operator["containers"][0]["args"] += ["--private-platform=AWS"]
    operator["containers"][0] |= {
        "env": [
            {"name": "AWS_SHARED_CREDENTIALS_FILE", "value": "/etc/provider/credentials"},
            {"name": "AWS_REGION", "value": REGION},
        ],
        "volumeMounts": [{"name": "credentials", "mountPath": "/etc/provider"}],
    }


def _external_dns(cluster: ManagementClusterPlan) -> Object:
    pod = idle_pod("external-dns", "registry.k8s.example.com/external-dns/external-dns:v0.14.2", pull_secret=None)
    pod["containers"][0]["args"] = [
        "--source=service",
        "--source=openshift-route",
        f"--domain-filter={DOMAIN}",
        "--provider=aws",
        "--registry=txt",
        "--txt-suffix=-external-dns",
        f"--txt-owner-id={cluster.external_dns_owner_id}",
        "--label-filter=hypershift.openshift.io/route-visibility!=private",
        "--interval=1m",
        "--txt-cache-interval=1h",
    ]
    return pod
