"""A destination that is fit in every respect, and a source to match: a test then spoils something."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lifeboat import oidc
from lifeboat.restore.preflight import Look
from tests.unit.backed_up import REGION, World, a_backup
from tests.unit.builders import a_deployment, a_pod, a_secret, an_object, blue
from tests.unit.memory import MemoryCluster, merge

BUCKET = "oidc-of-the-fleet"
ISSUER = f"https://{BUCKET}.s3.{REGION}.amazonaws.com/blue-x7k2p"
INNER = "clusters-blue"
_PEM = (
    rsa.generate_private_key(65537, 2048)
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
)


SIGNING_KEY = base64.b64encode(_PEM).decode()


def documents(issuer: str = ISSUER, key: str | None = None) -> dict[str, bytes]:
    """What is published below ISSUER, by URL."""
    discovery, keys = oidc.document_urls(ISSUER)
    listed = {"keys": [{"kid": key or oidc.key_id(_PEM)}]}
    return {discovery: json.dumps({"issuer": issuer}).encode(), keys: json.dumps(listed).encode()}


def a_fit_world(**spec: Any) -> World:
    """`blue`, published and private, with an issuer whose documents lie where they should; and its backup."""
    platform = {"type": "AWS", "aws": {"region": REGION, "endpointAccess": "PublicAndPrivate"}}
    signing_key = a_secret("sa-signing-key", INNER)
    signing_key["data"] = {oidc.PUBLIC_KEY: SIGNING_KEY}
    world = a_backup(blue().with_spec(**{"issuerURL": ISSUER, "platform": platform} | spec), also=[signing_key])
    for cluster in (world.source, world.destination):
        cluster.add(an_operator(), a_secret("aws-credentials", "hypershift"))
    world.destination.add(*a_webhook())
    world.documents.held = documents()
    ask_for(world.source, "kube-apiserver", cpu="2", memory="4Gi")
    return world


def an_operator() -> dict[str, Any]:
    """As `hypershift install` makes it with OIDC documents and private clusters."""
    args = ["run", f"--oidc-storage-provider-s3-bucket-name={BUCKET}", "--private-platform=AWS"]
    operator = a_deployment("operator", "hypershift", 2, args=args)
    pod = operator["spec"]["template"]["spec"]
    pod["containers"][0]["env"] = [
        {"name": "AWS_SHARED_CREDENTIALS_FILE", "value": "/etc/provider/credentials"},
        {"name": "AWS_REGION", "value": REGION},
    ]
    pod["volumes"] = [{"name": "credentials", "secret": {"secretName": "aws-credentials"}}]
    return operator


def a_webhook() -> list[dict[str, Any]]:
    """The operator's own, its Service, and the pod behind it."""
    rule = {"apiGroups": ["hypershift.openshift.io"], "resources": ["hostedclusters"], "operations": ["CREATE"]}
    webhook = {
        "name": "hostedclusters.hypershift.openshift.io",
        "failurePolicy": "Fail",
        "rules": [rule],
        "clientConfig": {"service": {"namespace": "hypershift", "name": "operator"}},
    }
    configuration = an_object(
        "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "hypershift.openshift.io"
    )
    pod = a_pod("operator-1", "hypershift", labels={"name": "operator"})
    pod["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    service = an_object("v1", "Service", "operator", "hypershift", spec={"selector": {"name": "operator"}})
    return [{**configuration, "webhooks": [webhook]}, service, pod]


def ask_for(cluster: MemoryCluster, name: str, **requests: str) -> None:
    """Let the pods of a Deployment of the control plane ask for this."""
    deployment = held(cluster, "Deployment", INNER, name)
    deployment["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": requests}


def held(cluster: MemoryCluster, kind: str, namespace: str | None, name: str) -> dict[str, Any]:
    """The object itself, to be spoilt."""
    return cluster._objects[kind, namespace, name]


def change(cluster: MemoryCluster, kind: str, namespace: str | None, name: str, patch: dict[str, Any]) -> None:
    key = (kind, namespace, name)
    cluster._objects[key] = merge(cluster._objects[key], patch)


def argument(cluster: MemoryCluster, deployment: str, name: str, value: str | None) -> None:
    """Give one argument of a Deployment in `hypershift` another value; None takes it away."""
    container = held(cluster, "Deployment", "hypershift", deployment)["spec"]["template"]["spec"]["containers"][0]
    container["args"] = [each for each in container["args"] if not each.startswith(f"--{name}=")]
    container["args"] += [f"--{name}={value}"] if value is not None else []


def look(world: World) -> Look:
    return world.look()
