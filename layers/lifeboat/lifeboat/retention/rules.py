"""Which backups of one hosted cluster are kept, and why. Pure: facts in, one decision per backup out.

Kept whatever the rules say, per hosted cluster *and infraID* (a re-created cluster of the same name is another one, and
the last backup of the former is all that is left of it): the newest that is proven, the newest of those that was taken
with a quorum and without alarms, and the newest quiesced one. What cannot be proven is neither deleted nor counted.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from lifeboat.model import BackupKind, started_at


@dataclass(frozen=True)
class Rules:
    """How many are kept: the newest ones, then the newest of each day and of each week (UTC, ISO) for so many days."""

    newest: int = 7
    daily_days: int = 14
    weekly_days: int = 60
    minimum_age: datetime.timedelta = datetime.timedelta(days=1)
    """Younger ones are never deleted: a restore may be about to begin."""


@dataclass(frozen=True)
class Candidate:
    """One committed backup of a hosted cluster. `proven` in this very run: signature, and all parts as S3 tells them.

    `whole`: its etcd had a quorum and no alarm.
    """

    infra_id: str
    backup_id: str
    proven: bool = True
    whole: bool = True

    @property
    def time(self) -> datetime.datetime:
        return started_at(self.backup_id)

    @property
    def is_quiesced(self) -> bool:
        return f"-{BackupKind.QUIESCED.value}-" in self.backup_id


@dataclass(frozen=True)
class Decision:
    """What becomes of one backup, and why, in words."""

    candidate: Candidate
    keep: bool
    reason: str


def decide(
    candidates: Iterable[Candidate], rules: Rules, now: datetime.datetime, *, in_use: bool = False
) -> list[Decision]:
    """One decision per backup of one hosted cluster name, the newest first.

    `in_use`: an execution works on the hosted cluster, so that nothing of it is deleted.
    """
    newest_first = sorted(candidates, key=lambda each: (each.backup_id, each.infra_id), reverse=True)
    kept: dict[Candidate, str] = {}
    for infra_id in {each.infra_id for each in newest_first}:
        proven = [each for each in newest_first if each.proven and each.infra_id == infra_id]
        for each, reason in _kept(proven, rules, now):
            kept.setdefault(each, reason)
    return [_decision(each, kept.get(each), rules, now, in_use=in_use) for each in newest_first]


def _decision(
    candidate: Candidate, reason: str | None, rules: Rules, now: datetime.datetime, *, in_use: bool
) -> Decision:
    if not candidate.proven:
        return Decision(candidate, keep=True, reason="it cannot be proven")
    if in_use:
        return Decision(candidate, keep=True, reason="an execution works on its hosted cluster")
    if now - candidate.time < rules.minimum_age:
        return Decision(candidate, keep=True, reason=f"it is younger than {rules.minimum_age}")
    return Decision(candidate, keep=reason is not None, reason=reason or "no rule keeps it")


def _kept(proven: Sequence[Candidate], rules: Rules, now: datetime.datetime) -> Iterable[tuple[Candidate, str]]:
    """What the rules keep of one infraID's proven backups, newest first; the weightiest reason of each comes first."""
    yield from ((each, "the newest proven one") for each in proven[:1])
    yield from ((each, "the newest whole one") for each in [each for each in proven if each.whole][:1])
    yield from ((each, "the newest quiesced one") for each in [each for each in proven if each.is_quiesced][:1])
    yield from ((each, f"one of the newest {rules.newest}") for each in proven[: rules.newest])
    day = _newest_of_each(proven, rules.daily_days, now, lambda each: each.time.date())
    yield from ((each, "the newest of its day") for each in day)
    week = _newest_of_each(proven, rules.weekly_days, now, lambda each: each.time.isocalendar()[:2])
    yield from ((each, "the newest of its week") for each in week)


def _newest_of_each(
    newest_first: Sequence[Candidate], days: int, now: datetime.datetime, period: Callable[[Candidate], Hashable]
) -> list[Candidate]:
    found: dict[Hashable, Candidate] = {}
    for each in newest_first:
        if now - each.time < datetime.timedelta(days=days):
            found.setdefault(period(each), each)
    return list(found.values())
