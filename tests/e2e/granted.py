"""Whether the table of rights grants what Lifeboat really asked an API to change."""

from __future__ import annotations

import re

from lifeboat.model import HostedClusterRef
from lifeboat.permissions import DESTINATION, SOURCE
from sandbox.plan import Plan
from sandbox.proof import audit

TABLES = {"mgmt-1": SOURCE, "mgmt-2": DESTINATION}
_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/))?/(?P<plural>[a-z]+)"
    r"(?:/[^/]+)?(?:/(?P<subresource>[a-z]+))?"
)


def right_of(change: str) -> tuple[str, str, str | None]:
    """(verb, kind with group and subresource, namespace) of one line of `audit.changes`."""
    verb, _, path = change.partition(" ")
    found = _PATH.fullmatch(path)
    assert found, path
    kind = found["plural"] + (f".{found['group']}" if found["group"] else "")
    return verb, kind + (f"/{found['subresource']}" if found["subresource"] else ""), found["namespace"]


def not_granted(plan: Plan, cluster: str, since: int, hosted: HostedClusterRef) -> list[str]:
    """Changes after the log's first `since` bytes that the table does not grant, each once."""
    granted = {(verb, str(right), right.where.namespace(hosted)) for right in TABLES[cluster] for verb in right.verbs}
    changes = audit.changes(plan, cluster, since)
    assert changes, f"{cluster} was not changed at all"
    return sorted({each for each in changes if right_of(each) not in granted})
