"""The writes that clients were told to be safe, and when the hosted API was away."""

from __future__ import annotations

import datetime
import itertools
import json
import math
from dataclasses import dataclass
from typing import Any

from sandbox.plan import ManagementClusterPlan, Plan
from sandbox.proof import etcd

_STILL_AWAY = 5.0
"""Seconds without an acknowledged write after which the hosted API is away: it is written to every 0.07 s."""


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


@dataclass(frozen=True)
class Outage:
    """How long the hosted API was away at most, in seconds, and whether it still is."""

    longest: float
    lasts: bool

    def __str__(self) -> str:
        return f"{self.longest:.1f} s" + (", and still" if self.lasts else "")


def outage(writes: list[dict[str, Any]], now: datetime.datetime) -> Outage:
    """The longest time between two acknowledgements, or since the last one (`now` is when `writes` was read)."""
    times = [*(datetime.datetime.fromisoformat(write["time"]) for write in writes), now]
    gaps = [(after - before).total_seconds() for before, after in itertools.pairwise(times)]
    return Outage(max(gaps, default=math.inf), not gaps or gaps[-1] > _STILL_AWAY)
