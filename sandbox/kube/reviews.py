"""Reviews: questions about access, answered and not stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.kube.errors import unknown_path
from sandbox.kube.metadata import now

if TYPE_CHECKING:
    from sandbox.kube.access import Access, User
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
            asked = spec.get("resourceAttributes") or {}
            resource = asked.get("resource", "")
            if asked.get("group"):
                resource += f".{asked['group']}"
            if asked.get("subresource"):
                resource += f"/{asked['subresource']}"
            allowed = access.authorize(
                user, asked.get("verb", ""), resource, asked.get("namespace", ""), asked.get("name", "")
            )
            return {**result, "spec": spec, "status": {"allowed": allowed}}
    raise unknown_path()
