"""Who asks, and whether they may."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox import users
from sandbox.kube import errors
from sandbox.kube.rbac import Attributes, Rules
from sandbox.kube.tokens import ServiceAccountTokens

if TYPE_CHECKING:
    from sandbox.kube.paths import Target
    from sandbox.kube.store import Store
    from sandbox.plan import ManagementClusterPlan


@dataclass(frozen=True)
class User:
    """Who asks: an authenticated user, or nobody known."""

    name: str
    groups: tuple[str, ...]

    def info(self) -> dict[str, object]:
        """As `authentication.k8s.io` shows it."""
        return {"username": self.name, "uid": "", "groups": list(self.groups), "extra": {}}


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


class Access:
    """Tokens, and the roles that the store holds."""

    def __init__(self, plan: ManagementClusterPlan, store: Store) -> None:
        self._users = {each.token: User(each.name, (*each.groups, "system:authenticated")) for each in users.of(plan)}
        self.rules = Rules(store)
        self.tokens = ServiceAccountTokens()

    def authenticate(self, authorization: str) -> User:
        """The user of an Authorization header; without one anonymous. Raises Unauthorized."""
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        user = self.by_token(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise errors.ApiError(401, "Unauthorized", "Unauthorized")
        return user

    def by_token(self, token: str) -> User | None:
        """The user whom a token stands for, None when it is not known."""
        for known, user in self._users.items():
            if hmac.compare_digest(known.encode(), token.encode()):
                return user
        if account := self.tokens.account_of(token):
            namespace, name = account
            groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
            return User(f"system:serviceaccount:{namespace}:{name}", groups)
        return None

    def allowed_by(self, user: User, wanted: Attributes) -> str | None:
        """By what `user` may do it, "" for administrators; None when by nothing."""
        return "" if users.ADMINISTRATORS in user.groups else self.rules.allowed_by(user, wanted)

    def check(self, user: User, verb: str, target: Target, name: str | None = None) -> None:
        """Refuse (Forbidden) what `user` may not do. `name` is that of a list's only object."""
        kind = target.kind
        resource = f"{kind.plural}/{target.subresource}" if target.subresource else kind.plural
        named = target.name or name or ""
        # A namespace is in itself: who may read all in it may be granted to read it.
        namespace = target.name if kind.resource == "namespaces" else target.namespace
        if self.allowed_by(user, Attributes(verb, kind.group, resource, namespace, named)) is not None:
            return
        where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        subject = f'{kind.resource} "{named}"' if named else kind.resource
        text = (
            f'{subject} is forbidden: User "{user.name}" cannot {verb} resource "{resource}" in API group '
            f'"{kind.group}" {where}'
        )
        details = {key: value for key, value in kind.details(named).items() if value}
        raise errors.ApiError(403, "Forbidden", text, details)

    def check_path(self, user: User, verb: str, path: str) -> None:
        """Refuse (Forbidden) a path that is not about objects."""
        if self.allowed_by(user, Attributes(verb, path=path)) is None:
            text = f'forbidden: User "{user.name}" cannot {verb} path "{path}"'
            raise errors.ApiError(403, "Forbidden", text, {})
