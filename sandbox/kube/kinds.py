"""Which kinds the API serves: the built-in ones as a table, custom ones from CustomResourceDefinition objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class ConversionWebhook:
    """Who converts the objects of a kind between its versions: `authority` (base64 of PEM) signs its certificate."""

    url: str
    authority: str
    review_versions: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """One kind in one version.

    `generation` tells whether `metadata.generation` counts changes of the desired state; `unconditional` whether an
    update may come without a resourceVersion (custom kinds insist on one).
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    status: bool = False
    scale: bool = False
    generation: bool = False
    unconditional: bool = True
    review: bool = False
    custom: bool = False
    extra_subresources: tuple[str, ...] = ()
    storage_version: str = ""
    schema: dict[str, Any] | None = field(default=None, compare=False, hash=False)
    categories: tuple[str, ...] = ()
    conversion: ConversionWebhook | None = None

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def stored_api_version(self) -> str:
        version = self.storage_version or self.version
        return f"{self.group}/{version}" if self.group else version

    @property
    def resource(self) -> str:
        """`deployments.apps`, `pods`: the name in messages, and the table of the store."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular(self) -> str:
        return self.kind.lower()

    def details(self, name: str) -> dict[str, Any]:
        details: dict[str, Any] = {"name": name, "kind": self.plural}
        if self.group:
            details["group"] = self.group
        return details


def _core(plural: str, kind: str, **options: Any) -> Kind:
    return Kind("", "v1", plural, kind, **options)


def _rbac(plural: str, kind: str, *, namespaced: bool) -> Kind:
    return Kind("rbac.authorization.k8s.io", "v1", plural, kind, namespaced=namespaced)


_WORKLOAD: dict[str, Any] = {"status": True, "scale": True, "generation": True}

BUILT_IN: tuple[Kind, ...] = (
    _core("namespaces", "Namespace", namespaced=False, short_names=("ns",), status=True,
          extra_subresources=("finalize",)),
    _core("nodes", "Node", namespaced=False, short_names=("no",), status=True),
    _core("pods", "Pod", short_names=("po",), status=True, generation=True, categories=("all",),
          extra_subresources=("binding", "eviction", "exec", "log")),
    _core("services", "Service", short_names=("svc",), status=True, categories=("all",)),
    _core("endpoints", "Endpoints", short_names=("ep",)),
    _core("configmaps", "ConfigMap", short_names=("cm",)),
    _core("secrets", "Secret"),
    _core("serviceaccounts", "ServiceAccount", short_names=("sa",), extra_subresources=("token",)),
    _core("persistentvolumes", "PersistentVolume", namespaced=False, short_names=("pv",), status=True),
    _core("persistentvolumeclaims", "PersistentVolumeClaim", short_names=("pvc",), status=True),
    _core("events", "Event", short_names=("ev",)),
    Kind("apps", "v1", "deployments", "Deployment", short_names=("deploy",), categories=("all",), **_WORKLOAD),
    Kind("apps", "v1", "statefulsets", "StatefulSet", short_names=("sts",), categories=("all",), **_WORKLOAD),
    Kind("apps", "v1", "replicasets", "ReplicaSet", short_names=("rs",), categories=("all",), **_WORKLOAD),
    Kind("batch", "v1", "jobs", "Job", status=True, generation=True, categories=("all",)),
    Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
    Kind("coordination.k8s.io", "v1", "leases", "Lease"),
    Kind("flowcontrol.apiserver.k8s.io", "v1", "flowschemas", "FlowSchema", namespaced=False, status=True,
         generation=True),
    Kind("flowcontrol.apiserver.k8s.io", "v1", "prioritylevelconfigurations", "PriorityLevelConfiguration",
         namespaced=False, status=True, generation=True),
    _rbac("roles", "Role", namespaced=True),
    _rbac("rolebindings", "RoleBinding", namespaced=True),
    _rbac("clusterroles", "ClusterRole", namespaced=False),
    _rbac("clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Kind("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False, short_names=("sc",)),
    Kind("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False, short_names=("pc",)),
    Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", short_names=("pdb",), status=True,
         generation=True),
    Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short_names=("netpol",), generation=True),
    Kind("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration",
         namespaced=False, generation=True),
    Kind("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration",
         namespaced=False, generation=True),
    Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False,
         short_names=("crd", "crds"), status=True, generation=True),
    Kind("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False,
         review=True),
    Kind("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False, review=True),
    Kind("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False, review=True),
    Kind("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False, review=True),
)  # fmt: skip


def of_definition(definition: dict[str, Any]) -> dict[str, Kind]:
    """The kind of one CustomResourceDefinition by version, those not served included."""
    spec = definition["spec"]
    storage = next(each["name"] for each in spec["versions"] if each.get("storage"))
    kinds = {}
    for version in spec["versions"]:
        subresources = version.get("subresources") or {}
        kinds[version["name"]] = Kind(
            spec["group"],
            version["name"],
            spec["names"]["plural"],
            spec["names"]["kind"],
            namespaced=spec.get("scope") == "Namespaced",
            short_names=tuple(spec["names"].get("shortNames") or ()),
            categories=tuple(spec["names"].get("categories") or ()),
            status="status" in subresources,
            scale="scale" in subresources,
            generation=True,
            unconditional=False,
            custom=True,
            storage_version=storage,
            schema=(version.get("schema") or {}).get("openAPIV3Schema"),
            conversion=_conversion(spec.get("conversion") or {}),
        )
    return kinds


def _conversion(conversion: dict[str, Any]) -> ConversionWebhook | None:
    """None for strategy None, and for a webhook behind a Service: there is no network for those in the sandbox."""
    webhook = conversion.get("webhook") or {}
    client = webhook.get("clientConfig") or {}
    if conversion.get("strategy") != "Webhook" or "url" not in client:
        return None
    versions = tuple(webhook.get("conversionReviewVersions") or ())
    return ConversionWebhook(client["url"], client.get("caBundle") or "", versions)


class Kinds:
    """The kinds served at this moment."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str, str], Kind] = {(k.group, k.version, k.plural): k for k in BUILT_IN}
        self._stored: dict[str, Kind] = {k.resource: k for k in BUILT_IN if not k.review}

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        return self._kinds.get((group, version, plural))

    def by_kind(self, api_version: str, kind: str) -> Kind | None:
        """The kind that an object reference means; None when that version of it is not served."""
        return next((k for k in self._kinds.values() if k.kind == kind and k.api_version == api_version), None)

    def stored(self) -> Iterator[Kind]:
        """Every kind that has objects, once, in the version that is stored."""
        yield from self._stored.values()

    def in_storage(self, resource: str) -> Kind:
        """One of those."""
        return self._stored[resource]

    def of(self, group: str, version: str) -> list[Kind]:
        return [kind for (g, v, _), kind in self._kinds.items() if (g, v) == (group, version)]

    def groups(self) -> dict[str, list[str]]:
        """Versions by group, the preferred one first."""
        groups: dict[str, list[str]] = {}
        for group, version, _ in self._kinds:
            versions = groups.setdefault(group, [])
            if version not in versions:
                versions.append(version)
        return {group: sorted(versions, key=_age, reverse=True) for group, versions in groups.items()}

    def define(self, definition: dict[str, Any]) -> None:
        """Serve what `definition` says, and nothing else of its resource."""
        self.forget(definition)
        kinds = of_definition(definition)
        for version in definition["spec"]["versions"]:
            kind = kinds[version["name"]]
            if version.get("served"):
                self._kinds[(kind.group, kind.version, kind.plural)] = kind
            if version.get("storage"):
                self._stored[kind.resource] = kind

    def forget(self, definition: dict[str, Any]) -> None:
        spec = definition["spec"]
        gone = [key for key in self._kinds if key[0] == spec["group"] and key[2] == spec["names"]["plural"]]
        for key in gone:
            del self._kinds[key]
        self._stored.pop(f"{spec['names']['plural']}.{spec['group']}", None)


def _age(version: str) -> tuple[int, str]:
    stage = 0 if "alpha" in version else 1 if "beta" in version else 2
    return stage, version
