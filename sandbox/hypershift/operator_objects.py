"""What the HyperShift operator makes for a HostedCluster that is not paused."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from sandbox.client import (
    AWS_CLUSTERS,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CLUSTERS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    HOSTED_CONTROL_PLANES,
    NAMESPACES,
    NODE_POOLS,
    SECRETS,
    ApiError,
)
from sandbox.hypershift.names import (
    CAPI_CLUSTER_LABEL,
    CLUSTER_ANNOTATION,
    CONTROL_PLANE_LABEL,
    REFERENCED,
    control_plane_namespace,
    endpoint_host,
)
from sandbox.hypershift.release import component, version_of
from sandbox.hypershift.workloads import deployment, idle_pod
from sandbox.objects import status_of
from sandbox.plan import API_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.client import Object, Resource
    from sandbox.hypershift.writer import Writer

_COPIED = [
    "additionalTrustBundle",
    "auditWebhook",
    "autoscaling",
    "capabilities",
    "channel",
    "clusterID",
    "configuration",
    "controllerAvailabilityPolicy",
    "dns",
    "etcd",
    "fips",
    "imageContentSources",
    "infraID",
    "infrastructureAvailabilityPolicy",
    "issuerURL",
    "kubeAPIServerDNSName",
    "networking",
    "nodeSelector",
    "olmCatalogPlacement",
    "operatorConfiguration",
    "pausedUntil",
    "platform",
    "secretEncryption",
    "serviceAccountSigningKey",
    "services",
    "tolerations",
]
_ROLES = {  # credentials file in the control plane's namespace: the role it stands for
    "cloud-controller-creds": "kubeCloudControllerARN",
    "node-management-creds": "nodePoolManagementARN",
    "control-plane-operator-creds": "controlPlaneOperatorARN",
}
OWNER_NAMESPACE_LABEL = "hypershift.openshift.io/owner.namespace"
OWNER_NAME_LABEL = "hypershift.openshift.io/owner.name"
OPERATOR_IMAGE = "quay.example.com/hypershift/hypershift-operator:4.17"


def mark_references(writer: Writer, hosted: Object) -> None:
    """Annotate what the HostedCluster and its NodePools refer to in their namespace."""
    namespace, name = hosted["metadata"]["namespace"], hosted["metadata"]["name"]
    pools = [pool for pool in writer.list(NODE_POOLS, namespace) if pool["spec"]["clusterName"] == name]
    for resource, referenced in references(hosted, pools):
        found = writer.get(resource, referenced, namespace)
        annotations = (found or {}).get("metadata", {}).get("annotations") or {}
        if found is not None and f"{REFERENCED}{name}" not in annotations:
            patch = {"metadata": {"annotations": {f"{REFERENCED}{name}": "true"}}}
            writer.client.patch(resource, referenced, patch, namespace)


def references(hosted: Object, pools: list[Object]) -> Iterator[tuple[Resource, str]]:
    """The secrets and config maps that a HostedCluster and its NodePools name."""
    spec = hosted["spec"]
    for field in ("pullSecret", "sshKey", "serviceAccountSigningKey", "auditWebhook"):
        if name := (spec.get(field) or {}).get("name"):
            yield SECRETS, name
    encryption = (spec.get("secretEncryption") or {}).get("aescbc") or {}
    for key in ("activeKey", "backupKey"):
        if name := (encryption.get(key) or {}).get("name"):
            yield SECRETS, name
    if name := (spec.get("additionalTrustBundle") or {}).get("name"):
        yield CONFIG_MAPS, name
    for pool in pools:
        for field in ("config", "tuningConfig"):
            for each in pool["spec"].get(field) or []:
                yield CONFIG_MAPS, each["name"]


def make_control_plane(writer: Writer, hosted: Object) -> None:
    """Everything of the hosted control plane that is not control-plane-operator's."""
    namespace = control_plane_namespace(hosted)
    annotation = {CLUSTER_ANNOTATION: f"{hosted['metadata']['namespace']}/{hosted['metadata']['name']}"}
    labels = {CONTROL_PLANE_LABEL: "true"}
    writer.ensure(NAMESPACES, {"metadata": {"name": namespace, "labels": labels}})
    _copy_references(writer, hosted, namespace)
    control_plane = writer.ensure(HOSTED_CONTROL_PLANES, _control_plane(hosted, namespace, annotation))
    version = version_of(hosted["spec"]["release"]["image"])
    if version is None:
        return  # condition ValidReleaseImage tells
    writer.ensure(
        DEPLOYMENTS,
        deployment(control_plane, namespace, "control-plane-operator", 1, idle_pod("operator", OPERATOR_IMAGE)),
    )
    for name, image in (("cluster-api", "cluster-capi-controllers"), ("capi-provider", "aws-cluster-api-controllers")):
        pod = idle_pod("manager", component(image, version))
        writer.ensure(DEPLOYMENTS, deployment(control_plane, namespace, name, 1, pod))
    cluster_api_objects(writer, hosted, namespace, annotation)
    _cluster_roles(writer, hosted, namespace)
    _publish_kubeconfig(writer, hosted, namespace)


def _control_plane(hosted: Object, namespace: str, annotation: Object) -> Object:
    spec = {field: hosted["spec"][field] for field in _COPIED if field in hosted["spec"]}
    spec |= {
        "releaseImage": hosted["spec"]["release"]["image"],
        "pullSecret": {"name": "pull-secret"},
        "sshKey": {"name": "ssh-key"} if hosted["spec"].get("sshKey") else {},
        "dns": hosted["spec"].get("dns") or {"baseDomain": ""},
    }
    if hosted["spec"].get("additionalTrustBundle"):
        spec["additionalTrustBundle"] = {"name": "user-ca-bundle"}
    name = hosted["metadata"]["name"]
    return {"metadata": {"name": name, "namespace": namespace, "annotations": annotation}, "spec": spec}


def _copy_references(writer: Writer, hosted: Object, namespace: str) -> None:
    source, spec = hosted["metadata"]["namespace"], hosted["spec"]
    wanted: list[tuple[Resource, str, str]] = [(SECRETS, spec["pullSecret"]["name"], "pull-secret")]
    if name := (spec.get("sshKey") or {}).get("name"):
        wanted.append((SECRETS, name, "ssh-key"))
    encryption = (spec.get("secretEncryption") or {}).get("aescbc") or {}
    wanted += [(SECRETS, each["name"], each["name"]) for each in encryption.values() if each.get("name")]
    if name := (spec.get("additionalTrustBundle") or {}).get("name"):
        wanted.append((CONFIG_MAPS, name, "user-ca-bundle"))
    for resource, name, copy in wanted:
        found = writer.get(resource, name, source)
        if found is None:
            raise ApiError(404, "NotFound", f"{resource.kind} {source}/{name}, which the HostedCluster refers to")
        desired: Object = {"metadata": {"name": copy, "namespace": namespace}, "data": found.get("data") or {}}
        if resource is SECRETS:
            desired["type"] = found.get("type", "Opaque")
        writer.ensure(resource, desired)
    roles = spec["platform"]["aws"]["rolesRef"]
    for name, field in _ROLES.items():
        text = f"[default]\nrole_arn = {roles[field]}\nweb_identity_token_file = /var/run/secrets/openshift/token\n"
        data = {"credentials": base64.b64encode(text.encode()).decode()}
        writer.ensure(SECRETS, {"metadata": {"name": name, "namespace": namespace}, "type": "Opaque", "data": data})


def cluster_api_objects(writer: Writer, hosted: Object, namespace: str, annotation: Object) -> None:
    """Make the Cluster and its AWSCluster. Raises ApiError."""
    spec, name = hosted["spec"], hosted["metadata"]["name"]
    infra_id = spec["infraID"]
    endpoint = {"host": endpoint_host(spec, name, namespace), "port": API_PORT}
    labels = {CAPI_CLUSTER_LABEL: infra_id}
    infrastructure = {"apiVersion": AWS_CLUSTERS.api_version, "kind": "AWSCluster"}
    control_plane = {"apiVersion": HOSTED_CONTROL_PLANES.api_version, "kind": "HostedControlPlane"}
    writer.ensure(
        CLUSTERS,
        {
            "metadata": {"name": infra_id, "namespace": namespace, "annotations": annotation, "labels": labels},
            "spec": {
                "paused": False,
                "controlPlaneEndpoint": endpoint,
                "controlPlaneRef": {**control_plane, "name": name, "namespace": namespace},
                "infrastructureRef": {**infrastructure, "name": name, "namespace": namespace},
            },
        },
    )
    aws_cluster = writer.ensure(
        AWS_CLUSTERS,
        {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": labels,
                "annotations": {**annotation, "cluster.x-k8s.io/managed-by": "external"},
            },
            "spec": {"region": spec["platform"]["aws"]["region"], "controlPlaneEndpoint": endpoint},
        },
    )
    if not status_of(aws_cluster).get("ready"):
        writer.client.patch_status(AWS_CLUSTERS, name, {"ready": True}, namespace)


def _cluster_roles(writer: Writer, hosted: Object, namespace: str) -> None:
    owner = {OWNER_NAMESPACE_LABEL: hosted["metadata"]["namespace"], OWNER_NAME_LABEL: hosted["metadata"]["name"]}
    role = f"{namespace}-control-plane-operator"
    rule = {"apiGroups": ["config.openshift.io"], "resources": ["*"], "verbs": ["get", "list", "watch"]}
    writer.ensure(CLUSTER_ROLES, {"metadata": {"name": role, "labels": owner}, "rules": [rule]})
    account = {"kind": "ServiceAccount", "name": "control-plane-operator", "namespace": namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    writer.ensure(
        CLUSTER_ROLE_BINDINGS,
        {"metadata": {"name": role, "labels": owner}, "roleRef": reference, "subjects": [account]},
    )


def _publish_kubeconfig(writer: Writer, hosted: Object, namespace: str) -> None:
    """Copies of the administrator's credentials beside the HostedCluster."""
    metadata = hosted["metadata"]
    for name, key in (("admin-kubeconfig", "kubeconfig"), ("kubeadmin-password", "password")):
        found = writer.get(SECRETS, name, namespace)
        if found is not None:
            reference = {
                "apiVersion": HOSTED_CONTROL_PLANES.api_version,
                "kind": "HostedCluster",
                "name": metadata["name"],
                "uid": metadata["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
            copy = {
                "name": f"{metadata['name']}-{name}",
                "namespace": metadata["namespace"],
                "ownerReferences": [reference],
            }
            writer.ensure(SECRETS, {"metadata": copy, "type": "Opaque", "data": {key: found["data"][key]}})
