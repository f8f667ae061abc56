"""What was planned against what the management clusters' own audit logs have of Lifeboat's writes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lifeboat.resources import BY_KIND
from sandbox.proof.audit import ADMINISTRATOR, log_of
from sandbox.proof.rows import Row, row, some

if TYPE_CHECKING:
    from sandbox.plan import Plan
    from sandbox.running import Sandbox

CLUSTERS = ("mgmt-1", "mgmt-2")
_VERBS = {"post": "create", "create": "create", "patch": "patch", "delete": "delete"}
_ASKING = ("/exec", "/apis/authorization.k8s.io/", "/apis/authentication.k8s.io/")
_POD = "pods"

Change = tuple[str, str, str | None, str | None]
"""Verb, plural, namespace, name (None: a log does not tell the name of what is created, and no plan that of a pod)."""


def kept(sandbox: Sandbox, operation: str) -> dict[str, Any] | None:
    """The plan that a recovery kept in the bucket; None when there is none, or more than one."""
    client, bucket = sandbox.client("s3"), sandbox.stack.bucket
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="hosted-clusters/")
    keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
    mine = [key for key in keys if f"/operations/{operation}/plan-" in key]
    if len(mine) != 1:
        return None
    document: dict[str, Any] = json.loads(client.get_object(Bucket=bucket, Key=mine[0])["Body"].read())
    return dict(document["payload"])


def rows(sandbox: Sandbox, plan: Mapping[str, Any] | None, since: Mapping[str, int]) -> list[Row]:
    """A line per management cluster: planned writes, made writes, and in what they differ."""
    if plan is None:
        return [row("plan", "", "none was kept", good=False)]
    return [_row(sandbox.plan, plan, cluster, since[cluster]) for cluster in CLUSTERS]


def sizes(plan: Plan) -> dict[str, int]:
    """How long the audit logs are now."""
    return {cluster: log_of(plan, cluster).stat().st_size for cluster in CLUSTERS}


def _row(sandbox: Plan, plan: Mapping[str, Any], cluster: str, since: int) -> Row:
    always = Counter(_of_plan(plan, cluster, maybe=False))
    maybe = Counter(_of_plan(plan, cluster, maybe=True))
    made = Counter(_of_log(log_of(sandbox, cluster).read_bytes()[since:].decode(errors="replace").splitlines()))
    # What an owner leaves behind the garbage collector may take before we do.
    missing = [each for each in (always - made).elements() if each[0] != "delete"]
    unplanned = list((made - always - maybe).elements())
    taken = sum((always - made).values()) - len(missing)
    wrong = [
        *(f"planned and not made: {_told(each)}" for each in missing),
        *(f"not planned: {_told(each)}" for each in unplanned),
    ]
    after = f"{sum(made.values())} made" + (f", {taken} deletes left to the garbage collector" if taken else "")
    return row(f"writes at {cluster}", f"{sum(always.values())} planned", after, not wrong, some(wrong))


def _of_plan(plan: Mapping[str, Any], cluster: str, *, maybe: bool) -> Iterable[Change]:
    for each in plan["writes"]:
        if each["on"] == cluster and each["verb"] in {"create", "patch", "delete"} and bool(each.get("when")) is maybe:
            yield _change(each["verb"], BY_KIND[each["kind"]].plural, each["namespace"], each["name"])


def _of_log(lines: Iterable[str]) -> Iterable[Change]:
    """Changes that Lifeboat asked for and got; the emulated API's log and a real one's."""
    for line in lines:
        try:
            entry: dict[str, Any] = json.loads(line)
        except ValueError:  # the line that is being written
            continue
        user = entry["user"]
        name = user["username"] if isinstance(user, dict) else user
        verb, uri = _VERBS.get(entry["verb"].lower()), entry["requestURI"].partition("?")[0]
        code = entry["code"] if "code" in entry else entry.get("responseStatus", {}).get("code", 0)
        if name == ADMINISTRATOR and verb and code < 300 and not any(each in uri for each in _ASKING):
            yield _of_uri(verb, uri)


def _of_uri(verb: str, uri: str) -> Change:
    parts = uri.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = None
    if parts[0] == "namespaces" and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    return _change(verb, parts[0], namespace, parts[1] if len(parts) > 1 else None)


def _change(verb: str, plural: str, namespace: str | None, name: str | None) -> Change:
    return verb, plural, namespace, None if verb == "create" or plural == _POD else name


def _told(change: Change) -> str:
    verb, plural, namespace, name = change
    return f"{verb} {plural} {'/'.join(each for each in (namespace, name) if each)}"
