"""What Lifeboat asked a management cluster's API to change, as the API's own audit log has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sandbox.plan import Plan

ADMINISTRATOR = "kubernetes-admin"
"""Lifeboat's user in the sandbox; the simulated controllers and kubelets have others."""
_READING = {"get", "list", "watch", "head", "options"}
_NO_CHANGE = ("/exec?", "/apis/authorization.k8s.io/", "/apis/authentication.k8s.io/")
"""An exec is a `create` on a real API; a review asks."""


def log_of(plan: Plan, cluster: str) -> Path:
    """JSON lines; a real API tells more in each."""
    return plan.logs / f"{cluster}-audit.jsonl"


def changes(plan: Plan, cluster: str, since: int) -> list[str]:
    """`verb path` of each change that Lifeboat asked for after the log's first `since` bytes, refused ones included."""
    text = log_of(plan, cluster).read_bytes()[since:].decode(errors="replace")
    found = []
    for line in text.splitlines():
        try:
            entry: dict[str, Any] = json.loads(line)
        except ValueError:  # the line that is being written
            continue
        user = entry["user"]
        name = user["username"] if isinstance(user, dict) else user
        verb, uri = entry["verb"].lower(), entry["requestURI"]
        if name == ADMINISTRATOR and verb not in _READING and not any(each in uri for each in _NO_CHANGE):
            found.append(f"{verb} {uri.partition('?')[0]}")
    return found
