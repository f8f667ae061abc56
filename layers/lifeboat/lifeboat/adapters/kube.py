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
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException

from lifeboat import versions
from lifeboat.errors import ApiUnavailableError, ConflictError, ObjectRefusedError, PreflightError
from lifeboat.ports import ExecResult, Propagation
from lifeboat.resources import CUSTOM_RESOURCE_DEFINITIONS, SECRETS, Resource

if TYPE_CHECKING:
    from lifeboat.model import Manifest

_PAGE = 500
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

        try:
            document = yaml.safe_load(kubeconfig)
            api = config.new_client_from_config_dict(document, persist_config=False)
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
        found = self._call("GET", self._path(resource, namespace, name))
        return self._named(resource, found) if found is not None else None

    def list_objects(
        self, resource: Resource, namespace: str | None = None, *, labels: str | None = None
    ) -> list[Manifest]:
        objects: list[Manifest] = []
        query: list[tuple[str, Any]] = [("limit", _PAGE)]
        if labels:
            query.append(("labelSelector", labels))
        token = ""
        while True:
            page = self._call(
                "GET", self._path(resource, namespace), [*query, *([("continue", token)] if token else [])]
            )
            if page is None:
                return []
            objects += [self._named(resource, each) for each in page["items"]]
            token = page["metadata"].get("continue") or ""
            if not token:
                return objects

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

    def _path(
        self, resource: Resource, namespace: str | None, name: str | None = None, *, version: str | None = None
    ) -> str:
        version = version or self.version_of(resource)
        path = f"/apis/{resource.group}/{version}" if resource.group else f"/api/{version}"
        if resource.namespaced and namespace:
            path += f"/namespaces/{urllib.parse.quote(namespace)}"
        path += f"/{resource.plural}"
        return path + (f"/{urllib.parse.quote(name)}" if name else "")

    def _named(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Lists leave out apiVersion and kind of their items."""
        return {"apiVersion": resource.api_version(self.version_of(resource)), "kind": resource.kind, **manifest}

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
    if error.status in {_TOO_MANY, _EXPIRED} or error.status >= 500 or error.status == 0:  # noqa: PLR2004
        return ApiUnavailableError(said)
    return ObjectRefusedError(said)
