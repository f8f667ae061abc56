"""Who asks, and whether they may."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox import users
from sandbox.kube.errors import ApiError

if TYPE_CHECKING:
    from sandbox.plan import ManagementClusterPlan


@dataclass(frozen=True)
class User:
    """An authenticated user."""

    name: str
    groups: tuple[str, ...]

    def info(self) -> dict[str, object]:
        """As `authentication.k8s.io` shows it."""
        return {"username": self.name, "uid": "", "groups": list(self.groups), "extra": {}}


class Access:
    """Token authentication. Authorization is a seam: everything is allowed to whoever is known."""

    def __init__(self, plan: ManagementClusterPlan) -> None:
        self._users = {each.token: User(each.name, (*each.groups, "system:authenticated")) for each in users.of(plan)}

    def authenticate(self, authorization: str) -> User:
        """The user of an Authorization header. Raises Unauthorized."""
        scheme, _, token = authorization.partition(" ")
        user = self.by_token(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        return user

    def by_token(self, token: str) -> User | None:
        """The user whom a token stands for, None when it is not known."""
        for known, user in self._users.items():
            if hmac.compare_digest(known.encode(), token.encode()):
                return user
        return None

    def authorize(self, user: User, verb: str, resource: str, namespace: str, name: str) -> bool:
        """Whether `user` may do `verb` on `resource` (`pods/exec`, `deployments.apps`, or a path)."""
        del verb, resource, namespace, name
        return bool(user.name)
