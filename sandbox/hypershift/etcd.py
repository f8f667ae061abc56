"""The etcd StatefulSet of a hosted control plane, as HyperShift shapes it.

An emptied volume boots a new, empty member under the old name: nothing here guards against it, as nothing does there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.hypershift import etcd_init
from sandbox.hypershift.names import replicas_of
from sandbox.hypershift.release import component
from sandbox.objects import owner_reference

if TYPE_CHECKING:
    from sandbox.client import Object

QUOTA = 8 << 30
_TLS = "/etc/etcd/tls"
# Data folder, initial cluster and quota come by the environment: etcd refuses to be told twice.
# `localhost` is the pod's own address here (the pods share one loopback), so that one listener answers for both.
_COMMAND = f"""
exec /usr/bin/etcd \\
  --name=${{HOSTNAME}} \\
  --initial-advertise-peer-urls=https://${{HOSTNAME}}.etcd-discovery.${{NAMESPACE}}.svc:2380 \\
  --listen-peer-urls=https://${{POD_IP}}:2380 \\
  --listen-client-urls=https://${{POD_IP}}:2379 \\
  --advertise-client-urls=https://${{HOSTNAME}}.etcd-client.${{NAMESPACE}}.svc:2379 \\
  --initial-cluster-token=etcd-cluster \\
  --snapshot-count=10000 \\
  --peer-client-cert-auth=true \\
  --peer-cert-file={_TLS}/peer/peer.crt \\
  --peer-key-file={_TLS}/peer/peer.key \\
  --peer-trusted-ca-file={_TLS}/etcd-ca/ca.crt \\
  --client-cert-auth=true \\
  --cert-file={_TLS}/server/server.crt \\
  --key-file={_TLS}/server/server.key \\
  --trusted-ca-file={_TLS}/etcd-ca/ca.crt
"""


def etcd_stateful_set(control_plane: Object, version: str, quota: int = QUOTA) -> Object:
    """The StatefulSet `etcd`: parallel, one or three members, a claim each; `quota` in bytes."""
    namespace = control_plane["metadata"]["namespace"]
    replicas = replicas_of(control_plane["spec"])
    labels = {"app": "etcd", "hypershift.openshift.io/control-plane-component": "etcd"}
    storage = ((control_plane["spec"]["etcd"].get("managed") or {}).get("storage") or {}).get("persistentVolume") or {}
    image = component("etcd", version)
    return {
        "metadata": {
            "name": "etcd",
            "namespace": namespace,
            "labels": labels,
            "ownerReferences": [owner_reference(control_plane)],
        },
        "spec": {
            "replicas": replicas,
            "serviceName": "etcd-discovery",
            "podManagementPolicy": "Parallel",
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "selector": {"matchLabels": {"app": "etcd"}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "imagePullSecrets": [{"name": "pull-secret"}],
                    "priorityClassName": "hypershift-etcd",
                    # Short: the last member that is told to stop waits in vain for a successor.
                    "terminationGracePeriodSeconds": 3,
                    "affinity": _one_per_zone(replicas),
                    "initContainers": [_ensure_dns(image), *etcd_init.container(control_plane, image, version)],
                    "containers": [
                        _etcd(image, namespace, replicas, quota),
                        {"name": "etcd-metrics", "image": component("etcd-grpc-proxy", version)},
                        {"name": "healthz", "image": component("etcd-healthz", version)},
                    ],
                    "volumes": [
                        _secret_volume("server-tls", "etcd-server-tls"),
                        _secret_volume("peer-tls", "etcd-peer-tls"),
                        _secret_volume("client-tls", "etcd-client-tls"),
                        {"name": "etcd-ca", "configMap": {"name": "etcd-ca"}},
                        *etcd_init.volumes(control_plane),
                    ],
                },
            },
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "data"},
                    "spec": {
                        "accessModes": ["ReadWriteOnce"],
                        "storageClassName": storage.get("storageClassName", "gp3-csi"),
                        "resources": {"requests": {"storage": storage.get("size", "8Gi")}},
                    },
                }
            ],
        },
    }


def etcd_services(control_plane: Object) -> list[Object]:
    """`etcd-discovery` for peers (known before they are ready) and `etcd-client`, both without address."""

    def service(name: str, port: int, port_name: str, *, early: bool) -> Object:
        return {
            "metadata": {
                "name": name,
                "namespace": control_plane["metadata"]["namespace"],
                "labels": {"app": "etcd"},
                "ownerReferences": [owner_reference(control_plane)],
            },
            "spec": {
                "clusterIP": "None",
                "selector": {"app": "etcd"},
                "publishNotReadyAddresses": early,
                "ports": [{"name": port_name, "port": port, "targetPort": port, "protocol": "TCP"}],
            },
        }

    return [
        service("etcd-discovery", 2380, "peer", early=True),
        service("etcd-client", 2379, "etcd-client", early=False),
    ]


def _etcd(image: str, namespace: str, replicas: int, quota: int) -> Object:
    cluster = ",".join(
        f"etcd-{ordinal}=https://etcd-{ordinal}.etcd-discovery.{namespace}.svc:2380" for ordinal in range(replicas)
    )
    return {
        "name": "etcd",
        "image": image,
        "command": ["/bin/sh", "-c", _COMMAND],
        "env": [
            *_identity_env(),
            {"name": "ETCDCTL_API", "value": "3"},
            {"name": "ETCD_DATA_DIR", "value": "/var/lib/data"},
            {"name": "ETCD_INITIAL_CLUSTER", "value": cluster},
            {"name": "ETCD_INITIAL_CLUSTER_STATE", "value": "new"},
            {"name": "ETCD_QUOTA_BACKEND_BYTES", "value": str(quota)},
        ],
        "ports": [
            {"name": "client", "containerPort": 2379, "protocol": "TCP"},
            {"name": "peer", "containerPort": 2380, "protocol": "TCP"},
        ],
        # etcd listens for clients only once the member knows its leader.
        "readinessProbe": {"tcpSocket": {"port": 2379}, "periodSeconds": 1, "failureThreshold": 3},
        "volumeMounts": [
            {"name": "data", "mountPath": "/var/lib"},
            {"name": "server-tls", "mountPath": f"{_TLS}/server"},
            {"name": "peer-tls", "mountPath": f"{_TLS}/peer"},
            {"name": "client-tls", "mountPath": f"{_TLS}/client"},
            {"name": "etcd-ca", "mountPath": f"{_TLS}/etcd-ca"},
        ],
    }


def _ensure_dns(image: str) -> Object:
    """Waits until the member's own peer name leads to this pod, and not to a former one."""
    script = (
        'until [ "$(getent hosts "${HOSTNAME}.etcd-discovery.${NAMESPACE}.svc" | cut -d" " -f1)" = "${POD_IP}" ]; '
        "do sleep 0.2; done"
    )
    return {"name": "ensure-dns", "image": image, "command": ["/bin/sh", "-c", script], "env": _identity_env()}


def _identity_env() -> list[Object]:
    return [
        {"name": "HOSTNAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]


def _one_per_zone(replicas: int) -> Object:
    if replicas == 1:
        return {}
    term = {"labelSelector": {"matchLabels": {"app": "etcd"}}, "topologyKey": "topology.kubernetes.io/zone"}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def _secret_volume(name: str, secret: str) -> Object:
    return {"name": name, "secret": {"secretName": secret, "defaultMode": 0o640}}
