"""A management cluster over the `kubernetes` client: plain JSON in and out, vendor errors turned into ours.

The generated models are not used: 768 classes cost start-up, and a field that this client's release does not know
would be lost on the way from one cluster to another.
"""

from __future__ import annotations

import json
import math
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import urllib3.exceptions
import yaml
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException

from lifeboat import versions
from lifeboat.errors import ApiUnavailableError, ConflictError, ObjectRefusedError, PreflightError
from lifeboat.ports import ExecResult, Listing, Propagation
from lifeboat.resources import CUSTOM_RESOURCE_DEFINITIONS, SECRETS, Resource

if TYPE_CHECKING:
    from lifeboat.model import Manifest

_PAGE = 500
_BEGINNINGS = 3
"""How often a LIST is begun whose chunks expire: they live for minutes, so once more is already much."""

_CONNECTIONS = 16
"""More than anything here asks at once; the client's own figure follows the number of processors."""

_VERSION_SECONDS = 60.0
"""A connection may live for hours, and an upgrade of the operator changes what is stored."""

_TIMEOUT = (5.0, 60.0)  # seconds: to connect, to answer
_GONE, _CONFLICT, _TOO_MANY, _EXPIRED = 404, 409, 429, 410


class KubernetesCluster:
    """`ports.ManagementCluster` over HTTP."""

    def __init__(self, name: str, api: ApiClient) -> None:
        self._name = name
        self._api = api
        self._versions: dict[str, tuple[str, float]] = {}

    @classmethod
    def from_kubeconfig(cls, name: str, kubeconfig: str) -> KubernetesCluster:
        """Connect with a kubeconfig (YAML, credentials inline). Nothing of it is written to a log or an error."""
        from kubernetes import config  # noqa: PLC0415 - 15 ms that only a first connection pays

        configuration = Configuration()
        configuration.connection_pool_maxsize = _CONNECTIONS

        try:
            document = yaml.safe_load(kubeconfig)
            api = config.new_client_from_config_dict(document, persist_config=False, client_configuration=configuration)
        except Exception:  # noqa: BLE001 - the parser's message may quote the kubeconfig
            msg = f"the kubeconfig stored for management cluster {name} cannot be read: store it again"
            raise PreflightError(msg) from None
        return cls(name, api)

    @property
    def name(self) -> str:
        return self._name

    def version_of(self, resource: Resource) -> str:
        if resource.version:
            return resource.version
        _, since = self._versions.get(resource.crd, ("", -math.inf))
        if time.monotonic() - since > _VERSION_SECONDS:
            crd = self.get(CUSTOM_RESOURCE_DEFINITIONS, None, resource.crd)
            if crd is None:
                msg = f"{self.name} has no {resource.crd}: is HyperShift installed there?"
                raise PreflightError(msg)
            self._versions[resource.crd] = versions.stored(crd), time.monotonic()
        return self._versions[resource.crd][0]

    def get(self, resource: Resource, namespace: str | None, name: str) -> Manifest | None:
        found: Manifest | None = self._call("GET", self._path(resource, namespace, name))
        return found

    def list_objects(
        self, resource: Resource, namespace: str | None = None, *, labels: str | None = None
    ) -> list[Manifest]:
        return self.listing(resource, namespace, labels=labels).objects

    def listing(self, resource: Resource, namespace: str | None = None, *, labels: str | None = None) -> Listing:
        for _ in range(_BEGINNINGS):
            try:
                return self._read_chunks(resource, namespace, labels)
            except _ExpiredError:
                continue  # what its token stood for was compacted; going on would mix two moments
        msg = f"{self.name} forgot {_BEGINNINGS} LISTs of {resource} before they were read: is it overloaded?"
        raise ApiUnavailableError(msg)

    def _read_chunks(self, resource: Resource, namespace: str | None, labels: str | None) -> Listing:
        version = self.version_of(resource)
        path = self._path(resource, namespace, version=version)
        # Lists leave out apiVersion and kind of their items.
        named = {"apiVersion": resource.api_version(version), "kind": resource.kind}
        query: list[tuple[str, Any]] = [("limit", _PAGE), *([("labelSelector", labels)] if labels else [])]
        objects: list[Manifest] = []
        token = ""
        while True:
            page = self._call("GET", path, [*query, *([("continue", token)] if token else [])])
            if page is None:
                return Listing([], "")
            objects += [{**named, **each} for each in page["items"] or ()]
            token = page["metadata"].get("continue") or ""
            if not token:
                return Listing(objects, page["metadata"].get("resourceVersion") or "")

    def create(self, resource: Resource, manifest: Manifest) -> Manifest | None:
        version = resource.version or written_in(manifest, resource) or self.version_of(resource)
        body = {**manifest, "apiVersion": resource.api_version(version), "kind": resource.kind}
        path = self._path(resource, manifest["metadata"].get("namespace"), version=version)
        try:
            created: Manifest = self._call("POST", path, [], body, missing_is_none=False)
        except _AlreadyExistsError:
            return None
        return created

    def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        patch: Mapping[str, Any],
        *,
        subresource: str | None = None,
    ) -> Manifest | None:
        path = self._path(resource, namespace, name) + (f"/{subresource}" if subresource else "")
        patched: Manifest | None = self._call("PATCH", path, body=dict(patch))
        return patched

    def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str,
        resource_version: str | None = None,
        propagation: Propagation = "Background",
    ) -> None:
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
            "preconditions": {"uid": uid, **({"resourceVersion": resource_version} if resource_version else {})},
        }
        try:
            self._call("DELETE", self._path(resource, namespace, name), body=options)
        except ConflictError:
            current = self.get(resource, namespace, name)
            if current is not None and current["metadata"]["uid"] == uid:
                raise

    def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, stdin: str = "", timeout: float = 60
    ) -> ExecResult:
        from lifeboat.adapters.kube_exec import run  # noqa: PLC0415 - websockets: only what execs pays for them

        return run(self._api, self.name, namespace, pod, container, command, stdin, timeout)

    def may(self, verb: str, resource: Resource, namespace: str | None = None, *, subresource: str = "") -> bool:
        attributes = {"verb": verb, "group": resource.group, "resource": resource.plural}
        attributes |= {"subresource": subresource} if subresource else {}
        attributes |= {"namespace": namespace} if namespace else {}
        group = "authorization.k8s.io/v1"
        review = {"apiVersion": group, "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}
        answer = self._call("POST", f"/apis/{group}/selfsubjectaccessreviews", [], review, missing_is_none=False)
        return bool((answer.get("status") or {}).get("allowed"))

    def _path(
        self, resource: Resource, namespace: str | None, name: str | None = None, *, version: str | None = None
    ) -> str:
        version = version or self.version_of(resource)
        path = f"/apis/{resource.group}/{version}" if resource.group else f"/api/{version}"
        if resource.namespaced and namespace:
            path += f"/namespaces/{urllib.parse.quote(namespace)}"
        path += f"/{resource.plural}"
        return path + (f"/{urllib.parse.quote(name)}" if name else "")

    def _call(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, Any]] = (),
        body: Mapping[str, Any] | None = None,
        *,
        missing_is_none: bool = True,
    ) -> Any:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
        try:
            response = self._api.call_api(
                path,
                method,
                query_params=list(query),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=_TIMEOUT,
            )
            return json.loads(response.data)
        except ApiException as error:
            if error.status == _GONE and missing_is_none:
                return None
            raise _ours(self.name, method, path, error) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            msg = f"{self.name} does not answer ({type(error).__name__} on {method} {path})"
            raise ApiUnavailableError(msg) from None


def written_in(manifest: Manifest, resource: Resource) -> str | None:
    """The version in which a manifest of this kind is written, None when it does not say."""
    group, _, version = str(manifest.get("apiVersion", "")).rpartition("/")
    return version if version and group == resource.group else None


class _ExpiredError(ApiUnavailableError):
    """A LIST cannot be gone on with (410)."""


class _AlreadyExistsError(ConflictError):
    """A create met an object of the same name."""


def _ours(cluster: str, method: str, path: str, error: ApiException) -> Exception:
    """Our error for the API's. The server's words stay out where the object is a Secret: they may quote it."""
    try:
        status = json.loads(error.body or "{}")
    except ValueError:
        status = {}
    reason = status.get("reason") or error.reason or str(error.status)
    words = "" if f"/{SECRETS.plural}" in path else f": {str(status.get('message', ''))[:400]}"
    said = f"{cluster} answered {error.status} {reason} to {method} {path}{words}"
    if error.status == _CONFLICT:
        return _AlreadyExistsError(said) if reason == "AlreadyExists" else ConflictError(said)
    if error.status == _EXPIRED:
        return _ExpiredError(said)
    if error.status == _TOO_MANY or error.status >= 500 or error.status == 0:  # noqa: PLR2004
        return ApiUnavailableError(said)
    return ObjectRefusedError(said)
