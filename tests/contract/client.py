"""Requests as they are on the wire: no client library's help, so that both columns are asked exactly the same."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from tests.contract.backends import Backend

MERGE, JSON, STRATEGIC, APPLY = (
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_GROUPS = {
    "apps/v1": ("deployments", "statefulsets", "replicasets"),
    "batch/v1": ("jobs",),
    "policy/v1": ("poddisruptionbudgets",),
    "storage.k8s.io/v1": ("storageclasses",),
    "rbac.authorization.k8s.io/v1": ("roles", "rolebindings", "clusterroles", "clusterrolebindings"),
    "authorization.k8s.io/v1": ("selfsubjectaccessreviews", "subjectaccessreviews"),
    "authentication.k8s.io/v1": ("selfsubjectreviews", "tokenreviews"),
    "apiextensions.k8s.io/v1": ("customresourcedefinitions",),
    "admissionregistration.k8s.io/v1": ("validatingwebhookconfigurations",),
    "flowcontrol.apiserver.k8s.io/v1": ("flowschemas", "prioritylevelconfigurations"),
    "hypershift.openshift.io/v1beta1": ("hostedclusters", "nodepools", "hostedcontrolplanes"),
    "cluster.x-k8s.io/v1beta1": ("clusters", "machines", "machinesets", "machinedeployments"),
    "infrastructure.cluster.x-k8s.io/v1beta2": ("awsmachines", "awsclusters"),
    "route.openshift.io/v1": ("routes",),
}
_API_VERSIONS = {plural: version for version, plurals in _GROUPS.items() for plural in plurals}
_TIMEOUT = 30.0


def at(plural: str, namespace: str = "", name: str = "", subresource: str = "", *, version: str = "") -> str:
    """The path of a collection, an object, or a subresource; `namespace` empty: of all, or not namespaced."""
    api_version = version or _API_VERSIONS.get(plural, "v1")
    parts = ["api" if "/" not in api_version else "apis", api_version]
    if namespace:
        parts += ["namespaces", namespace]
    return "/" + "/".join(quote(each, safe="/:") for each in [*parts, plural, name, subresource] if each)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    code: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    def ok(self) -> Any:
        """The body of a success."""
        assert 200 <= self.code < 300, f"{self.code}: {self.raw[:600]!r}"
        return self.body

    def refused(self, code: int, reason: str, text: str = "") -> Any:
        """The Status of a refusal with this code, reason and text."""
        body = self.body
        assert body.get("kind") == "Status", f"{self.code}: {self.raw[:600]!r}"
        said = (self.code, body.get("reason", ""), body.get("message", ""))
        assert said[:2] == (code, reason), said
        assert text in said[2], said
        assert body["status"] == "Failure"
        assert body["code"] == code
        return body


class Api:
    """One user's way to one API."""

    def __init__(self, backend: Backend, token: str = "") -> None:
        self.backend, self.name = backend, backend.name
        self.token = token or backend.cluster.admin_token
        self._pool = urllib3.PoolManager(ca_certs=str(backend.cluster.pki / "ca.crt"), retries=False, maxsize=8)

    def close(self) -> None:
        self._pool.clear()

    def request(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json", **query: Any
    ) -> Answer:
        """One request. Queries in Python's spelling: `continue_` is `continue`."""
        answer = self._pool.request(
            method, self._url(path, query), body=_encoded(body), headers=self._headers(content_type), timeout=_TIMEOUT
        )
        return Answer(answer.status, answer.headers, answer.data)

    def get(self, path: str, **query: Any) -> Answer:
        return self.request("GET", path, **query)

    def post(self, path: str, body: Any, **query: Any) -> Answer:
        return self.request("POST", path, body, **query)

    def put(self, path: str, body: Any, **query: Any) -> Answer:
        return self.request("PUT", path, body, **query)

    def patch(self, path: str, body: Any, content_type: str = MERGE, **query: Any) -> Answer:
        return self.request("PATCH", path, body, content_type=content_type, **query)

    def delete(self, path: str, options: Any = None, **query: Any) -> Answer:
        body = None if options is None else {"apiVersion": "v1", "kind": "DeleteOptions", **options}
        return self.request("DELETE", path, body, **query)

    @contextmanager
    def watch(self, path: str, *, seconds: float = 10, **query: Any) -> Iterator[Iterator[tuple[str, Any]]]:
        """Events (type, object) of a watch; the server ends it after `seconds`."""
        given = {"watch": "true", "timeoutSeconds": str(int(seconds)), **query}
        answer = self._pool.request(
            "GET",
            self._url(path, given),
            headers=self._headers("application/json"),
            preload_content=False,
            timeout=seconds + 20,
        )
        try:
            assert answer.status == 200, answer.data
            yield _events(answer)
        finally:
            answer.close()

    def eventually(self, condition: Callable[[], Any], seconds: float = 30) -> Any:
        """The first true value of `condition()`."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            self.backend.check()
            assert time.monotonic() < deadline, f"not within {seconds} s"
            time.sleep(0.05)
        return value

    def gone(self, path: str, seconds: float = 30) -> None:
        """Wait until there is nothing at `path`."""
        self.eventually(lambda: self.get(path).code == 404, seconds)

    def _url(self, path: str, query: Mapping[str, Any]) -> str:
        pairs = [(key.rstrip("_"), value) for key, value in query.items()]
        return self.backend.cluster.api_url + path + (f"?{urlencode(pairs, doseq=True)}" if pairs else "")

    def _headers(self, content_type: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/json",
            "Content-Type": content_type,
            "User-Agent": "contract/1",
        }


def _encoded(body: Any) -> bytes | None:
    return body if body is None or isinstance(body, bytes) else json.dumps(body).encode()


def _events(answer: urllib3.BaseHTTPResponse) -> Iterator[tuple[str, Any]]:
    pending = b""
    for chunk in answer.stream(65536):
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                event = json.loads(line)
                yield event["type"], event["object"]
