"""The Deployments of a hosted control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.hypershift.names import replicas_of
from sandbox.hypershift.release import component
from sandbox.objects import owner_reference
from sandbox.plan import API_PORT

if TYPE_CHECKING:
    from sandbox.client import Object

_CERTS = "/etc/kubernetes/certs"
# Name: replicas when highly available. The three writers to etcd are kube-apiserver and the first two of these.
_OTHERS = {
    "openshift-apiserver": 3,
    "openshift-oauth-apiserver": 3,
    "oauth-openshift": 2,
    "kube-controller-manager": 1,
    "hosted-cluster-config-operator": 1,
    "ignition-server": 1,
    "konnectivity-agent": 1,
    "cluster-version-operator": 1,
}
COMPONENTS = ("kube-apiserver", *_OTHERS)


def deployment(
    owner: Object | None, namespace: str, name: str, replicas: int, pod: Object, labels: Object | None = None
) -> Object:
    """A Deployment whose pods carry the label `app`."""
    metadata: Object = {"name": name, "namespace": namespace, "labels": {"app": name, **(labels or {})}}
    if owner is not None:
        metadata["ownerReferences"] = [owner_reference(owner)]
    return {
        "metadata": metadata,
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name, **(labels or {})}}, "spec": pod},
        },
    }


def idle_pod(name: str, image: str, *, pull_secret: str | None = "pull-secret") -> Object:
    """A pod whose program the sandbox does not have: it runs nothing and is always ready."""
    pod: Object = {"containers": [{"name": name, "image": image}], "terminationGracePeriodSeconds": 1}
    if pull_secret:
        pod["imagePullSecrets"] = [{"name": pull_secret}]
    return pod


def kube_apiserver(control_plane: Object, version: str) -> Object:
    """The hosted kube-apiserver: a real process that keeps its objects in the real etcd."""
    namespace = control_plane["metadata"]["namespace"]
    mounts = {"server": "kas-server-crt", "etcd-client": "etcd-client-tls", "sa": "sa-signing-key"}
    pod = {
        "imagePullSecrets": [{"name": "pull-secret"}],
        "terminationGracePeriodSeconds": 3,
        "containers": [
            {
                "name": "kube-apiserver",
                "image": component("hosted-kube-apiserver", version),
                "args": [
                    "--bind-address=$(POD_IP)",
                    f"--secure-port={API_PORT}",
                    "--etcd-servers=https://etcd-client:2379",
                    f"--etcd-cafile={_CERTS}/etcd-ca/ca.crt",
                    f"--etcd-certfile={_CERTS}/etcd-client/etcd-client.crt",
                    f"--etcd-keyfile={_CERTS}/etcd-client/etcd-client.key",
                    f"--tls-cert-file={_CERTS}/server/tls.crt",
                    f"--tls-private-key-file={_CERTS}/server/tls.key",
                    f"--client-ca-file={_CERTS}/client-ca/ca.crt",
                    f"--service-account-key-file={_CERTS}/sa/service-account.pub",
                ],
                "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
                "ports": [{"name": "client", "containerPort": API_PORT, "protocol": "TCP"}],
                "readinessProbe": {"tcpSocket": {"port": API_PORT}, "periodSeconds": 1},
                "volumeMounts": [
                    *({"name": name, "mountPath": f"{_CERTS}/{name}"} for name in mounts),
                    {"name": "etcd-ca", "mountPath": f"{_CERTS}/etcd-ca"},
                    {"name": "client-ca", "mountPath": f"{_CERTS}/client-ca"},
                ],
            }
        ],
        "volumes": [
            *(
                {"name": name, "secret": {"secretName": secret, "defaultMode": 0o640}}
                for name, secret in mounts.items()
            ),
            {"name": "etcd-ca", "configMap": {"name": "etcd-ca"}},
            {"name": "client-ca", "configMap": {"name": "client-ca"}},
        ],
    }
    return deployment(control_plane, namespace, "kube-apiserver", replicas_of(control_plane["spec"]), pod)


def other_deployments(control_plane: Object, version: str) -> list[Object]:
    """Everything else that runs in the namespace, the two other writers to etcd included."""
    namespace = control_plane["metadata"]["namespace"]
    return [
        deployment(
            control_plane,
            namespace,
            name,
            replicas_of(control_plane["spec"], highly_available),
            idle_pod(name, component(name, version)),
        )
        for name, highly_available in _OTHERS.items()
    ]
