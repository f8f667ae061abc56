"""API priority and fairness, as far as a priority level without shares goes: one request at a time, the others 429.

A FlowSchema's subjects and rules are matched as the real server matches them, in the order of `matchingPrecedence`.
Levels with shares are not counted: this server is never too busy.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.kube.access import User
    from sandbox.kube.rbac import Attributes
    from sandbox.kube.store import Object, Store

_GROUP = "flowcontrol.apiserver.k8s.io"
SCHEMAS, LEVELS = f"flowschemas.{_GROUP}", f"prioritylevelconfigurations.{_GROUP}"
RETRY_SECONDS = 1
_ALL = "*"


class TooManyRequestsError(Exception):
    """A request that found no seat."""


def refusal() -> web.Response:
    """As the real server words it: plain text, no Status."""
    text = "Too many requests, please try again later.\n"
    return web.Response(text=text, status=429, headers={"Retry-After": str(RETRY_SECONDS)})


class Flow:
    """Counts the requests of each level without shares."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._executing: Counter[str] = Counter()

    @contextmanager
    def seat(self, user: User, wanted: Attributes) -> Iterator[None]:
        """Take a seat for one request. Raises TooManyRequestsError."""
        level = self._level(user, wanted)
        if level is None:
            yield
            return
        if self._executing[level]:
            raise TooManyRequestsError
        self._executing[level] += 1
        try:
            yield
        finally:
            self._executing[level] -= 1

    def _level(self, user: User, wanted: Attributes) -> str | None:
        """The level without shares that a request falls into; None when it falls into none."""
        if "system:masters" in user.groups:
            return None  # the schema `exempt` comes before all others
        schemas = [each.object for each in self._store.list(SCHEMAS)]
        for schema in sorted(schemas, key=lambda each: each["spec"].get("matchingPrecedence", 1000)):
            name = (schema["spec"].get("priorityLevelConfiguration") or {}).get("name", "")
            level = self._store.get(LEVELS, "", name)
            if level and any(_matches(rule, user, wanted) for rule in schema["spec"].get("rules") or []):
                return name if _is_shut(level.object) else None
        return None


def _is_shut(level: Object) -> bool:
    limited = level["spec"].get("limited") or {}
    rejects = (limited.get("limitResponse") or {}).get("type") == "Reject"
    return rejects and limited.get("nominalConcurrencyShares") == 0


def _matches(rule: Object, user: User, wanted: Attributes) -> bool:
    if not any(_is(subject, user) for subject in rule.get("subjects") or []):
        return False
    if wanted.path:
        return any(
            _has(each, "verbs", wanted.verb) and _has(each, "nonResourceURLs", wanted.path)
            for each in rule.get("nonResourceRules") or []
        )
    return any(
        _has(each, "verbs", wanted.verb)
        and _has(each, "apiGroups", wanted.group)
        and _has(each, "resources", wanted.resource)
        and (_has(each, "namespaces", wanted.namespace) if wanted.namespace else bool(each.get("clusterScope")))
        for each in rule.get("resourceRules") or []
    )


def _is(subject: Object, user: User) -> bool:
    match subject.get("kind"):
        case "User":
            return (subject.get("user") or {}).get("name") in (_ALL, user.name)
        case "Group":
            return (subject.get("group") or {}).get("name") in (_ALL, *user.groups)
        case "ServiceAccount":
            account = subject.get("serviceAccount") or {}
            name = f"system:serviceaccount:{account.get('namespace')}:{account.get('name')}"
            return user.name == name
    return False


def _has(rule: Object, field: str, value: str) -> bool:
    found = rule.get(field) or []
    return _ALL in found or value in found
