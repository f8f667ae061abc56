"""Objects and waiting, in words."""

from __future__ import annotations

import json
import time

import pytest
from kubernetes.client import ApiException


def a_config_map(name: str, *, data=None, owner=None, finalizers=(), labels=None, controller=None, block=False):
    metadata = {"name": name}
    if owner is not None:
        reference = {"apiVersion": owner.api_version or "v1", "kind": owner.kind or "ConfigMap",
                     "name": owner.metadata.name, "uid": owner.metadata.uid}  # fmt: skip
        if block:
            reference["blockOwnerDeletion"] = True
        metadata["ownerReferences"] = [reference]
    if finalizers:
        metadata["finalizers"] = list(finalizers)
    if labels:
        metadata["labels"] = labels
    return {"metadata": metadata, "data": data or {"key": "value"}}


def a_pod(name: str, *, node=None, **spec):
    pod = {"metadata": {"name": name, "labels": {"app": name}},
           "spec": {"containers": [{"name": "main", "image": "example.com/main:1"}], **spec}}  # fmt: skip
    if node:
        pod["spec"]["nodeName"] = node
    return pod


def a_deployment(name: str, *, replicas=None):
    labels = {"app": name}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
        "containers": [{"name": "main", "image": "example.com/main:1"}]}}}  # fmt: skip
    if replicas is not None:
        spec["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


SERVICES = [
    {"service": each, "servicePublishingStrategy": {"type": "Route"}}
    for each in ("APIServer", "OAuthServer", "Konnectivity", "Ignition")
]


def a_hosted_cluster(name: str, **spec):
    storage = {"type": "PersistentVolume", "persistentVolume": {"size": "8Gi"}}
    return {
        "apiVersion": "hypershift.openshift.io/v1beta1",
        "kind": "HostedCluster",
        "metadata": {"name": name},
        "spec": {
            "etcd": {"managementType": "Managed", "managed": {"storage": storage}},
            "networking": {},
            "platform": {"type": "AWS"},
            "pullSecret": {"name": "pull-secret"},
            "release": {"image": "example.com/release:1"},
            "services": SERVICES,
            **spec,
        },
    }


def refused(code: int, reason: str = "", text: str = ""):
    """A context in which the API refuses; the message holds `text`."""
    return _Refused(code, reason, text)


class _Refused:
    def __init__(self, code: int, reason: str, text: str) -> None:
        self.code, self.reason, self.text = code, reason, text

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace) -> bool:
        if error is None:
            pytest.fail(f"not refused, {self.code} was expected")
        if not isinstance(error, ApiException) and not hasattr(error, "status"):
            return False
        self.body = json.loads(error.body)
        assert error.status == self.code, self.body
        assert self.body.get("reason", "") == self.reason or not self.reason
        assert self.text in self.body["message"]
        return True


def eventually(condition, seconds: float = 5.0):
    """The first true answer of `condition`; a missing object counts as None."""
    end = time.monotonic() + seconds
    while True:
        try:
            answer = condition()
        except ApiException as error:
            if error.status != 404:
                raise
            answer = None
        if answer or time.monotonic() > end:
            assert answer, "it did not come to pass"
            return answer
        time.sleep(0.02)


def is_gone(read) -> bool:
    """Whether `read` finds nothing."""
    try:
        read()
    except ApiException as error:
        if error.status == 404:
            return True
        raise
    return False
