"""A plan as a value: its writes, what it rests on, what stands against it; its digest, and how two of them differ."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifeboat.model import HostedClusterRef
from lifeboat.plan.problems import APPROVE, BLOCKS, Problem
from lifeboat.plan.writes import Write

SCHEMA = 1
_TOLD = 8


@dataclass(frozen=True)
class Plan:
    """What one operation would do. `kind`: recover, restore or teardown; `infra_id` None: nothing of it was found."""

    kind: str
    hosted_cluster: HostedClusterRef
    infra_id: str | None
    facts: tuple[str, ...]
    writes: tuple[Write, ...]
    problems: tuple[Problem, ...]

    @property
    def pinned(self) -> list[str]:
        """The lines that the digest covers: facts, and the writes to what does not come and go by itself, in order."""
        return [*self.facts, *(each.line for each in self.writes if each.is_pinned)]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the pinned lines."""
        return hashlib.sha256("\n".join([f"schema {SCHEMA}", *self.pinned]).encode()).hexdigest()

    @property
    def blocking(self) -> list[Problem]:
        return [each for each in self.problems if each.severity == BLOCKS]

    @property
    def to_approve(self) -> list[Problem]:
        """What an approval has to name."""
        return [each for each in self.problems if each.severity == APPROVE]

    @property
    def counts(self) -> dict[str, int]:
        """Writes by where they go and by verb, such as `mgmt-1 patch`; those under a condition apart."""
        found = Counter(f"{each.on} {each.verb}" + (" (maybe)" if each.when else "") for each in self.writes)
        return dict(sorted(found.items()))

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "hostedCluster": {"namespace": self.hosted_cluster.namespace, "name": self.hosted_cluster.name},
            "infraId": self.infra_id,
            "digest": self.digest,
            "facts": list(self.facts),
            "problems": [each.to_json() for each in self.problems],
            "counts": self.counts,
            "writes": [each.to_json() for each in self.writes],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Plan:
        """Read what `to_json` gave; KeyError or TypeError when it is something else."""
        return cls(
            document["kind"],
            HostedClusterRef(**document["hostedCluster"]),
            document["infraId"],
            tuple(document["facts"]),
            tuple(Write(**each) for each in document["writes"]),
            tuple(Problem(**each) for each in document["problems"]),
        )


def differences(before: Plan, now: Plan) -> list[str]:
    """The pinned lines in which two plans differ: `- ` what is no longer planned, `+ ` what is new."""
    was, told = Counter(before.pinned), Counter(now.pinned)
    gone = [f"- {each}" for each in before.pinned if was[each] > told[each]]
    new = [f"+ {each}" for each in now.pinned if told[each] > was[each]]
    if not gone and not new and before.pinned != now.pinned:
        return ["the same writes in another order"]
    return list(dict.fromkeys([*gone, *new]))


def in_one_line(lines: list[str]) -> str:
    """The first few, and how many more there are."""
    more = f" (and {len(lines) - _TOLD} more)" if len(lines) > _TOLD else ""
    return "; ".join(lines[:_TOLD]) + more
