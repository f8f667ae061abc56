"""A thin client of one Kubernetes API: JSON objects in and out, by the REST layer of the ordinary `kubernetes` client.

Typed models would cost start-up time and drop what they do not know; the simulated controllers and the kubelet need
neither. `sandbox.informer` builds caches and work queues on it.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from kubernetes import config
from kubernetes.client import Configuration
from kubernetes.client.api_client import ApiClient
from kubernetes.client.exceptions import ApiException
from urllib3 import BaseHTTPResponse, Timeout
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Object = dict[str, Any]
Objects = list[Object]
Query = list[tuple[str, str]]

_TIMEOUT = (5, 30)  # seconds to connect, to read
_CONNECTIONS = 64  # every watch holds one


class ApiError(Exception):
    """The API refused a request, or could not be reached (`code` 0)."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message

    @classmethod
    def of(cls, error: ApiException) -> ApiError:
        try:
            status = json.loads(error.body or "{}")
        except (TypeError, ValueError):
            status = {}
        if not isinstance(status, dict):
            status = {}
        return cls(int(error.status or 0), status.get("reason") or str(error.reason), status.get("message") or "")


@dataclass(frozen=True)
class Resource:
    """One served kind and its path."""

    api_version: str
    plural: str
    kind: str
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path; a namespaced resource without `namespace` is addressed across all namespaces."""
        parts = ["api" if "/" not in self.api_version else "apis", self.api_version]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name is not None:
            parts.append(quote(name, safe=""))
        if subresource:
            parts.append(subresource)
        return "/" + "/".join(parts)


NAMESPACES = Resource("v1", "namespaces", "Namespace", namespaced=False)
NODES = Resource("v1", "nodes", "Node", namespaced=False)
PODS = Resource("v1", "pods", "Pod")
SERVICES = Resource("v1", "services", "Service")
CONFIG_MAPS = Resource("v1", "configmaps", "ConfigMap")
SECRETS = Resource("v1", "secrets", "Secret")
SERVICE_ACCOUNTS = Resource("v1", "serviceaccounts", "ServiceAccount")
EVENTS = Resource("v1", "events", "Event")
PERSISTENT_VOLUMES = Resource("v1", "persistentvolumes", "PersistentVolume", namespaced=False)
PERSISTENT_VOLUME_CLAIMS = Resource("v1", "persistentvolumeclaims", "PersistentVolumeClaim")
DEPLOYMENTS = Resource("apps/v1", "deployments", "Deployment")
REPLICA_SETS = Resource("apps/v1", "replicasets", "ReplicaSet")
STATEFUL_SETS = Resource("apps/v1", "statefulsets", "StatefulSet")
JOBS = Resource("batch/v1", "jobs", "Job")
LEASES = Resource("coordination.k8s.io/v1", "leases", "Lease")
PRIORITY_CLASSES = Resource("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", namespaced=False)
STORAGE_CLASSES = Resource("storage.k8s.io/v1", "storageclasses", "StorageClass", namespaced=False)
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource(
    "rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)
VALIDATING_WEBHOOKS = Resource(
    "admissionregistration.k8s.io/v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)
POD_DISRUPTION_BUDGETS = Resource("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget")
HOSTED_CLUSTERS = Resource("hypershift.openshift.io/v1beta1", "hostedclusters", "HostedCluster")
HOSTED_CONTROL_PLANES = Resource("hypershift.openshift.io/v1beta1", "hostedcontrolplanes", "HostedControlPlane")
NODE_POOLS = Resource("hypershift.openshift.io/v1beta1", "nodepools", "NodePool")
AWS_ENDPOINT_SERVICES = Resource("hypershift.openshift.io/v1beta1", "awsendpointservices", "AWSEndpointService")
CLUSTERS = Resource("cluster.x-k8s.io/v1beta1", "clusters", "Cluster")
MACHINE_DEPLOYMENTS = Resource("cluster.x-k8s.io/v1beta1", "machinedeployments", "MachineDeployment")
MACHINE_SETS = Resource("cluster.x-k8s.io/v1beta1", "machinesets", "MachineSet")
MACHINES = Resource("cluster.x-k8s.io/v1beta1", "machines", "Machine")
MACHINE_HEALTH_CHECKS = Resource("cluster.x-k8s.io/v1beta1", "machinehealthchecks", "MachineHealthCheck")
AWS_CLUSTERS = Resource("infrastructure.cluster.x-k8s.io/v1beta2", "awsclusters", "AWSCluster")
AWS_MACHINES = Resource("infrastructure.cluster.x-k8s.io/v1beta2", "awsmachines", "AWSMachine")
AWS_MACHINE_TEMPLATES = Resource("infrastructure.cluster.x-k8s.io/v1beta2", "awsmachinetemplates", "AWSMachineTemplate")
ROUTES = Resource("route.openshift.io/v1", "routes", "Route")


class Client:
    """One Kubernetes API, as the user of a kubeconfig. Safe to share between threads. Every call raises `ApiError`."""

    def __init__(self, kubeconfig: Path) -> None:
        configuration = Configuration()
        config.load_kube_config(config_file=str(kubeconfig), client_configuration=configuration)
        configuration.connection_pool_maxsize = _CONNECTIONS
        self._api = ApiClient(configuration)
        self._host = configuration.host

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object | None:
        """The object, or None when there is none."""
        try:
            return self._call("GET", resource.path(namespace, name))
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str | None = None,
        fields: str | None = None,
    ) -> Objects:
        """All objects that the selectors choose, each with its apiVersion and kind."""
        return self.list_with_version(resource, namespace, labels=labels, fields=fields)[0]

    def list_with_version(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str | None = None,
        fields: str | None = None,
    ) -> tuple[Objects, str]:
        """The same, with the resourceVersion a watch starts from."""
        answer = self._call("GET", resource.path(namespace), query=_selectors(labels, fields))
        kind: Object = {"apiVersion": resource.api_version, "kind": resource.kind}
        items: Objects = answer.get("items") or []
        version: str = answer["metadata"].get("resourceVersion", "")
        return [kind | item for item in items], version

    def create(self, resource: Resource, body: Object, namespace: str | None = None) -> Object:
        kind: Object = {"apiVersion": resource.api_version, "kind": resource.kind}
        body = kind | body
        namespace = namespace or body["metadata"].get("namespace")
        return self._call("POST", resource.path(namespace), body=body)

    def create_subresource(
        self, resource: Resource, name: str, subresource: str, body: Object, namespace: str
    ) -> Object:
        """POST to a subresource, as to a pod's `binding` or `eviction`; the answer."""
        return self._call("POST", resource.path(namespace, name, subresource), body=body)

    def replace(self, resource: Resource, body: Object, *, subresource: str | None = None) -> Object:
        """PUT; `body` carries name, namespace and, for optimistic concurrency, resourceVersion."""
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace"), metadata["name"], subresource)
        return self._call("PUT", path, body={"apiVersion": resource.api_version, "kind": resource.kind} | body)

    def replace_status(self, resource: Resource, body: Object) -> Object:
        return self.replace(resource, body, subresource="status")

    def patch(
        self,
        resource: Resource,
        name: str,
        patch: Object,
        namespace: str | None = None,
        *,
        subresource: str | None = None,
    ) -> Object:
        """JSON merge patch: None removes a field, a list replaces the list."""
        path = resource.path(namespace, name, subresource)
        return self._call("PATCH", path, body=patch, content_type="application/merge-patch+json")

    def apply(self, resource: Resource, body: Object, manager: str) -> Object:
        """Server-side apply as field manager `manager`; fields of other managers are taken over."""
        kind: Object = {"apiVersion": resource.api_version, "kind": resource.kind}
        metadata = body["metadata"]
        return self._call(
            "PATCH",
            resource.path(metadata.get("namespace"), metadata["name"]),
            query=[("fieldManager", manager), ("force", "true")],
            body=kind | body,
            content_type="application/apply-patch+yaml",  # of which JSON is a part
        )

    def patch_status(self, resource: Resource, name: str, status: Object, namespace: str | None = None) -> Object:
        """Merge-patch `status`, through the status subresource."""
        return self.patch(resource, name, {"status": status}, namespace, subresource="status")

    def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        grace_period_seconds: int | None = None,
        propagation: str | None = None,
    ) -> bool:
        """Ask for deletion; False when there was nothing to delete.

        A `uid` that is not the object's is a 409. `propagation`: Background, Foreground, Orphan.
        """
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        if propagation is not None:
            options["propagationPolicy"] = propagation
        try:
            self._call("DELETE", resource.path(namespace, name), body=options)
        except ApiError as error:
            if error.code == 404:
                return False
            raise
        return True

    def serves(self, api_version: str, plural: str) -> bool:
        """Whether discovery lists that resource in that version."""
        try:
            answer = self._call("GET", f"/{'apis' if '/' in api_version else 'api'}/{api_version}")
        except ApiError as error:
            if error.code == 404:
                return False
            raise
        return any(each["name"] == plural for each in answer["resources"])

    def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str,
        labels: str | None = None,
        fields: str | None = None,
        timeout_seconds: int = 300,
    ) -> Iterator[tuple[str, Object]]:
        """Events (type, object) after `resource_version` until the server ends the stream.

        BOOKMARK and ERROR events are passed on as they are.
        """
        query = [
            *_selectors(labels, fields),
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", resource_version),
            ("timeoutSeconds", str(timeout_seconds)),
        ]
        response = self._stream(resource.path(namespace), query, timeout_seconds + 30)
        with closing(response):
            pending = b""
            for chunk in response.stream(65536, decode_content=True):
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    if line.strip():
                        event = json.loads(line)
                        yield event["type"], event["object"]

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Object | None = None,
        content_type: str | None = None,
    ) -> Object:
        try:
            response = self._api.rest_client.request(
                method,
                self._host + path,
                query_params=query,
                headers=self._headers(content_type or "application/json"),
                body=body,
                _request_timeout=_TIMEOUT,
            )
        except ApiException as error:
            raise ApiError.of(error) from error
        except (OSError, HTTPError) as error:
            raise ApiError(0, type(error).__name__, str(error)) from error
        return cast("Object", json.loads(response.data or b"{}"))

    def _stream(self, path: str, query: Query, read_seconds: int) -> BaseHTTPResponse:
        """The open answer to a GET; below the REST layer, which cannot report the refusal of a stream."""
        try:
            response = self._api.rest_client.pool_manager.request(
                "GET",
                self._host + path,
                fields=query,
                headers=self._headers("application/json"),
                preload_content=False,
                timeout=Timeout(connect=_TIMEOUT[0], read=read_seconds),
            )
        except (OSError, HTTPError) as error:
            raise ApiError(0, type(error).__name__, str(error)) from error
        if not 200 <= response.status <= 299:
            raise ApiError(response.status, "WatchRefused", response.data.decode(errors="replace")[:300])
        return cast("BaseHTTPResponse", response)

    def _headers(self, content_type: str) -> dict[str, str]:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        self._api.update_params_for_auth(headers, [], ["BearerToken"])
        return headers


@cache
def shared_client(kubeconfig: Path) -> Client:
    """One client per kubeconfig and process, its connections kept: for those who look now and then."""
    return Client(kubeconfig)


def _selectors(labels: str | None, fields: str | None) -> Query:
    query = []
    if labels:
        query.append(("labelSelector", labels))
    if fields:
        query.append(("fieldSelector", fields))
    return query
