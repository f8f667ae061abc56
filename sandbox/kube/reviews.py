"""Reviews: questions about access, answered and not stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.kube.access import User
from sandbox.kube.errors import unknown_path
from sandbox.kube.metadata import now
from sandbox.kube.rbac import Attributes

if TYPE_CHECKING:
    from sandbox.kube.access import Access
    from sandbox.kube.kinds import Kind
    from sandbox.kube.store import Object


def answer(kind: Kind, review: Object, user: User, access: Access) -> Object:
    """`review` with its status filled in."""
    spec = review.get("spec") or {}
    result = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"creationTimestamp": now()}}
    match kind.plural:
        case "selfsubjectreviews":
            return {**result, "status": {"userInfo": user.info()}}
        case "tokenreviews":
            found = access.by_token(spec.get("token", ""))
            status: Object = {"authenticated": found is not None}
            if found:
                status["user"] = found.info()
            return {**result, "spec": {}, "status": status}
        case "selfsubjectaccessreviews" | "subjectaccessreviews":
            if kind.plural == "subjectaccessreviews":
                user = User(spec.get("user", ""), tuple(spec.get("groups") or ()))
            why = access.allowed_by(user, _attributes(spec))
            status = {"allowed": why is not None}
            if why:
                status["reason"] = why
            return {**result, "spec": spec, "status": status}
    raise unknown_path()


def _attributes(spec: Object) -> Attributes:
    if paths := spec.get("nonResourceAttributes"):
        return Attributes(paths.get("verb", ""), path=paths.get("path", ""))
    asked = spec.get("resourceAttributes") or {}
    resource = asked.get("resource", "")
    if asked.get("subresource"):
        resource += f"/{asked['subresource']}"
    place = asked.get("namespace", "")
    return Attributes(asked.get("verb", ""), asked.get("group", ""), resource, place, asked.get("name", ""))
