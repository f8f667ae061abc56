"""Objects that the contract is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]
IDLE_IMAGE = "registry.example.com/idle:1"
"""An image that the sandbox's kubelet has no program for: its containers are up, and run nothing."""


def metadata(name: str, **fields: Any) -> Object:
    return {"name": name, **{key: value for key, value in fields.items() if value is not None}}


def owned_by(owner: Mapping[str, Any], **flags: bool) -> list[Object]:
    """The reference to an owner that was read or made."""
    return [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            **flags,
        }
    ]


def a_config_map(name: str, data: Mapping[str, Any] | None = None, **meta: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(name, **meta),
        "data": {"key": "value"} if data is None else dict(data),
    }


def a_secret(name: str, **fields: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, **fields}


def a_template(name: str, **spec: Any) -> Object:
    pod = {"containers": [{"name": "main", "image": IDLE_IMAGE}], "terminationGracePeriodSeconds": 1, **spec}
    return {"metadata": {"labels": {"app": name}}, "spec": pod}


def a_pod(name: str, **spec: Any) -> Object:
    template = a_template(name, **spec)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, **template["metadata"]},
        "spec": template["spec"],
    }


def a_deployment(name: str, **spec: Any) -> Object:
    wanted = {"selector": {"matchLabels": {"app": name}}, "template": a_template(name), **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": wanted}


def a_stateful_set(name: str, **spec: Any) -> Object:
    return {**a_deployment(name, serviceName=name, **spec), "kind": "StatefulSet"}


def a_job(name: str, **spec: Any) -> Object:
    template = {"spec": a_template(name, restartPolicy="Never")["spec"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template, **spec},
    }


def a_claim(name: str, **spec: Any) -> Object:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": wanted}


def a_service(name: str, **spec: Any) -> Object:
    wanted = {"selector": {"app": name}, "ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": wanted}


def a_route(name: str, **meta: Any) -> Object:
    """The smallest custom object."""
    return {
        "apiVersion": "route.openshift.io/v1",
        "kind": "Route",
        "metadata": metadata(name, **meta),
        "spec": {"to": {"kind": "Service", "name": "router", "weight": 100}},
    }


def a_hosted_cluster(name: str, **spec: Any) -> Object:
    publishing = {"type": "Route", "route": {"hostname": "x.example.com"}}
    names = ("APIServer", "OAuthServer", "Konnectivity", "Ignition")
    return {
        "apiVersion": "hypershift.openshift.io/v1beta1",
        "kind": "HostedCluster",
        "metadata": {"name": name},
        "spec": {
            "platform": {"type": "None"},
            "networking": {
                "clusterNetwork": [{"cidr": "10.132.0.0/14"}],
                "serviceNetwork": [{"cidr": "172.31.0.0/16"}],
            },
            "pullSecret": {"name": "pull-secret"},
            "release": {"image": "registry.example.com/release:1"},
            "sshKey": {"name": "ssh-key"},
            "services": [{"service": each, "servicePublishingStrategy": publishing} for each in names],
            "etcd": {
                "managementType": "Managed",
                "managed": {"storage": {"type": "PersistentVolume", "persistentVolume": {"size": "8Gi"}}},
            },
            **spec,
        },
    }
