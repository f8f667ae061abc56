"""The writes that clients were told to be safe, and when the hosted API was away."""

from __future__ import annotations

import datetime
import itertools
import json
from typing import Any

from sandbox.plan import ManagementClusterPlan, Plan
from sandbox.proof import etcd


def acknowledged(plan: Plan) -> list[dict[str, Any]]:
    """Whole lines only: the writer may be in the middle of one."""
    with plan.acknowledged_writes.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.endswith("\n")]


def lost(cluster: ManagementClusterPlan, namespace: str, writes: list[dict[str, Any]]) -> list[str]:
    """Keys of acknowledged writes that one member does not hold with that value."""
    if not writes:
        return ["no write was acknowledged at all"]
    prefixes = {write["key"].rpartition("/")[0] + "/" for write in writes}
    there: dict[str, str] = {}
    for prefix in prefixes:
        there |= etcd.read_prefix(cluster, namespace, "etcd-0", prefix)
    return [write["key"] for write in writes if there.get(write["key"]) != write["value"]]


def longest_outage(writes: list[dict[str, Any]]) -> float:
    """The longest time between two acknowledgements, in seconds."""
    times = [datetime.datetime.fromisoformat(write["time"]) for write in writes]
    return max(((after - before).total_seconds() for before, after in itertools.pairwise(times)), default=0.0)
