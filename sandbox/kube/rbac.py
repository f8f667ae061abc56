"""Roles and bindings: what a user may do, and that nobody grants what he has not (kubernetes' plugin/pkg/auth/rbac).

Aggregated ClusterRoles are not put together.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.kube import errors

if TYPE_CHECKING:
    from sandbox.kube.access import User
    from sandbox.kube.kinds import Kind
    from sandbox.kube.store import Object, Store

GROUP = "rbac.authorization.k8s.io"
ROLES, ROLE_BINDINGS = f"roles.{GROUP}", f"rolebindings.{GROUP}"
CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS = f"clusterroles.{GROUP}", f"clusterrolebindings.{GROUP}"
_ALL = "*"
_INFORMATION = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_INFORMATION)
_EVERYTHING: tuple[Object, ...] = (
    {"apiGroups": [_ALL], "resources": [_ALL], "verbs": [_ALL]},
    {"nonResourceURLs": [_ALL], "verbs": [_ALL]},
)
_OWN_REVIEWS: tuple[Object, ...] = (
    {"apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews"], "verbs": ["create"]},
    {"apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"], "verbs": ["create"]},
)
FIRST_ROLES: dict[str, tuple[tuple[Object, ...], tuple[str, ...]]] = {
    "cluster-admin": (_EVERYTHING, ("system:masters",)),
    "system:basic-user": (_OWN_REVIEWS, ("system:authenticated",)),
    "system:discovery": (({"nonResourceURLs": list(_DISCOVERY), "verbs": ["get"]},), ("system:authenticated",)),
    "system:public-info-viewer": (
        ({"nonResourceURLs": list(_INFORMATION), "verbs": ["get"]},),
        ("system:authenticated", "system:unauthenticated"),
    ),
}
"""ClusterRoles that a new cluster has, with the groups that they are bound to."""


@dataclass(frozen=True)
class Attributes:
    """What somebody wants to do; `path` alone when it is not about objects."""

    verb: str
    group: str = ""
    resource: str = ""  # with its subresource: `pods/exec`
    namespace: str = ""
    name: str = ""
    path: str = ""


def first_objects() -> Iterator[tuple[str, Object]]:
    """Resource and object of the roles and bindings of a new cluster."""
    for name, (rules, groups) in FIRST_ROLES.items():
        yield "clusterroles", {"metadata": {"name": name}, "rules": [dict(each) for each in rules]}
        subjects = [{"apiGroup": GROUP, "kind": "Group", "name": group} for group in groups]
        reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": name}
        yield "clusterrolebindings", {"metadata": {"name": name}, "subjects": subjects, "roleRef": reference}


class Rules:
    """Answers from the roles and bindings of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def allowed_by(self, user: User, wanted: Attributes) -> str | None:
        """By what `user` may do it, in the server's words; None when by nothing."""
        for why, rules in self._bound(user, wanted.namespace):
            if any(_allows(rule, wanted) for rule in rules):
                return f"RBAC: allowed by {why}"
        return None

    def check_grant(self, user: User, kind: Kind, namespace: str, obj: Object) -> None:
        """Refuse (Forbidden) a role or binding that would grant what `user` has not."""
        if "system:masters" in user.groups or kind.group != GROUP:
            return
        if kind.plural in ("roles", "clusterroles"):
            wanted, verb, resource = obj.get("rules") or [], "escalate", kind.plural
            name = (obj.get("metadata") or {}).get("name", "")
        else:
            reference = obj.get("roleRef") or {}
            wanted, verb = self._rules_of(reference, namespace), "bind"
            resource, name = f"{reference.get('kind', '').lower()}s", reference.get("name", "")
        if self.allowed_by(user, Attributes(verb, GROUP, resource, namespace, name)):
            return
        held = [rule for _, rules in self._bound(user, namespace) for rule in rules]
        missing = [atom for rule in wanted for atom in _atoms(rule) if not any(_covers(each, atom) for each in held)]
        if missing:
            groups = ", ".join(json.dumps(each) for each in user.groups)
            listed = "\n".join(_shown(each) for each in missing)
            why = (
                f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n'
                f"{listed}"
            )
            raise errors.forbidden(kind, (obj.get("metadata") or {}).get("name", ""), why)

    def _bound(self, user: User, namespace: str) -> Iterator[tuple[str, list[Object]]]:
        places = [("ClusterRoleBinding", CLUSTER_ROLE_BINDINGS, "")]
        if namespace:
            places.append(("RoleBinding", ROLE_BINDINGS, namespace))
        for kind, resource, place in places:
            for stored in self._store.list(resource, place):
                binding = stored.object
                found = next((each for each in binding.get("subjects") or [] if _is(each, user, place)), None)
                if found is not None:
                    reference = binding["roleRef"]
                    name = binding["metadata"]["name"] + (f"/{place}" if place else "")
                    why = f'{kind} "{name}" of {reference["kind"]} "{reference["name"]}" to {_named(found)}'
                    yield why, self._rules_of(reference, place)

    def _rules_of(self, reference: Object, namespace: str) -> list[Object]:
        cluster_wide = reference.get("kind") == "ClusterRole"
        resource, place = (CLUSTER_ROLES, "") if cluster_wide else (ROLES, namespace)
        found = self._store.get(resource, place, reference.get("name", ""))
        return list(found.object.get("rules") or []) if found else []


def _is(subject: Object, user: User, namespace: str) -> bool:
    match subject.get("kind"):
        case "User":
            return bool(subject["name"] == user.name)
        case "Group":
            return subject["name"] in user.groups
        case "ServiceAccount":
            place = subject.get("namespace") or namespace
            return user.name == f"system:serviceaccount:{place}:{subject['name']}"
    return False


def _named(subject: Object) -> str:
    place = f"/{subject['namespace']}" if subject.get("namespace") else ""
    return f'{subject["kind"]} "{subject["name"]}{place}"'


def _allows(rule: Object, wanted: Attributes) -> bool:
    if not _has(rule.get("verbs"), wanted.verb):
        return False
    if wanted.path:
        return any(_fits(each, wanted.path) for each in rule.get("nonResourceURLs") or [])
    names = rule.get("resourceNames") or []
    return (
        _has(rule.get("apiGroups"), wanted.group)
        and _has_resource(rule.get("resources"), wanted.resource)
        and (not names or wanted.name in names)
    )


def _has(values: Iterable[str] | None, value: str) -> bool:
    found = list(values or ())
    return _ALL in found or value in found


def _has_resource(values: Iterable[str] | None, resource: str) -> bool:
    subresource = resource.partition("/")[2]
    return _has(values, resource) or bool(subresource and f"*/{subresource}" in list(values or ()))


def _fits(pattern: str, path: str) -> bool:
    return pattern in (_ALL, path) or (pattern.endswith(_ALL) and path.startswith(pattern[:-1]))


def _atoms(rule: Object) -> Iterator[dict[str, Any]]:
    """A rule as many, of one verb and one resource or path each."""
    for verb, path in itertools.product(rule.get("verbs") or [], rule.get("nonResourceURLs") or []):
        yield {"verb": verb, "path": path}
    axes = (rule.get("verbs") or [], rule.get("apiGroups") or [], rule.get("resources") or [])
    for verb, group, resource in itertools.product(*axes):
        for name in rule.get("resourceNames") or [""]:
            yield {"verb": verb, "group": group, "resource": resource, "name": name}


def _covers(rule: Object, atom: dict[str, Any]) -> bool:
    return _allows(rule, Attributes(**atom))


def _shown(atom: dict[str, Any]) -> str:
    if "path" in atom:
        return f'{{NonResourceURLs:["{atom["path"]}"], Verbs:["{atom["verb"]}"]}}'
    names = f', ResourceNames:["{atom["name"]}"]' if atom["name"] else ""
    return f'{{APIGroups:["{atom["group"]}"], Resources:["{atom["resource"]}"]{names}, Verbs:["{atom["verb"]}"]}}'
