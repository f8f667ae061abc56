"""Which backups are kept: examples, and what must hold for every history."""

from __future__ import annotations

import datetime
import itertools
import random

import pytest

from lifeboat.model import BackupKind
from lifeboat.retention.rules import Candidate, Rules, decide
from tests.unit.memory import NOW
from tests.unit.stored_backups import backup_id_at

DAY, HOUR = datetime.timedelta(days=1), datetime.timedelta(hours=1)
FEW = Rules(newest=2, daily_days=0, weekly_days=0, minimum_age=DAY)
IN_MAKE_TEST, ALL = 300, 10_000


def a_candidate(age: datetime.timedelta, kind: BackupKind = BackupKind.ONLINE, **given) -> Candidate:
    return Candidate(given.pop("infra_id", "blue-x"), backup_id_at(NOW - age, kind), **given)


def kept(candidates, rules=FEW, **given) -> set[Candidate]:
    return {each.candidate for each in decide(candidates, rules, NOW, **given) if each.keep}


def test_the_newest_are_kept_and_older_ones_go():
    history = [a_candidate(DAY * days) for days in range(2, 8)]
    assert kept(history) == set(history[:2])


def test_nothing_young_is_deleted():
    history = [a_candidate(HOUR * hours) for hours in range(1, 30)]
    assert kept(history) == {each for each in history if NOW - each.time < DAY}


@pytest.mark.parametrize("special", [{"whole": True}, {"kind": BackupKind.QUIESCED}], ids=["whole", "quiesced"])
def test_many_lesser_backups_do_not_displace_the_last_good_one(special):
    """Backups of an etcd without a quorum, or of running writers, are no substitute for it."""
    ill = [a_candidate(DAY * days, whole=False) for days in range(2, 20)]
    good = a_candidate(DAY * 30, **{"whole": False, **special})
    older = a_candidate(DAY * 40, **{"whole": False, **special})
    assert kept([*ill, good, older]) == {*ill[:2], good}


def test_what_cannot_be_proven_is_left_and_takes_nobodys_place():
    broken = [a_candidate(DAY * days, proven=False) for days in range(2, 10)]
    good = [a_candidate(DAY * days) for days in range(20, 24)]
    assert kept([*broken, *good]) == {*broken, *good[:2]}


def test_nothing_of_a_hosted_cluster_in_use_is_deleted():
    history = [a_candidate(DAY * days) for days in range(2, 8)]
    assert kept(history, in_use=True) == set(history)


def test_a_re_created_cluster_of_the_same_name_does_not_displace_the_former():
    former = [a_candidate(DAY * days, infra_id="blue-old") for days in range(100, 105)]
    present = [a_candidate(DAY * days, infra_id="blue-new") for days in range(2, 8)]
    assert kept([*former, *present]) == {*former[:2], *present[:2]}


def test_the_newest_of_each_day_and_week_is_kept_for_its_time():
    rules = Rules(newest=1, daily_days=3, weekly_days=21, minimum_age=HOUR)
    history = [a_candidate(HOUR * 6 * each) for each in range(1, 4 * 40)]
    days = {each.time.date() for each in kept(history, rules) if NOW - each.time < 3 * DAY}
    weeks = {each.time.isocalendar()[:2] for each in kept(history, rules)}
    assert (len(days), len(weeks)) == (4, 4)  # three days of 24 hours touch four dates
    assert all(NOW - each.time < 21 * DAY for each in kept(history, rules))


def _history(rng: random.Random) -> tuple[list[Candidate], Rules]:
    """Any mixture: bursts, gaps, two infraIDs, ill and broken backups, clocks that run ahead."""
    ages: list[float] = []
    for _ in range(rng.randrange(1, 6)):
        start, step = rng.uniform(-3, 200), rng.choice([1 / 24, 0.3, 1, 7])
        ages += [start + step * each for each in range(rng.randrange(0, 25))]
    share_broken, share_ill = rng.choice([0, 0.1, 0.9, 1]), rng.choice([0, 0.2, 1])
    found = {
        Candidate(
            rng.choice(["blue-old", "blue-new"]),
            backup_id_at(NOW - DAY * age, rng.choice(list(BackupKind)), f"{rng.getrandbits(32):08x}"),
            proven=rng.random() >= share_broken,
            whole=rng.random() >= share_ill,
        )
        for age in ages
    }
    rules = Rules(rng.randrange(1, 9), rng.choice([0, 1, 7, 30]), rng.choice([0, 14, 90]), DAY * rng.choice([0, 1, 3]))
    return sorted(found, key=lambda each: each.backup_id), rules


def _wanted(candidates: list[Candidate], rules: Rules) -> set[Candidate]:
    """The rules said once more, in another way: a backup goes only if enough newer ones make up for it."""
    keep = set()
    for each in candidates:
        newer = [
            other
            for other in candidates
            if other.proven and other.infra_id == each.infra_id and other.backup_id > each.backup_id
        ]
        age = NOW - each.time
        same_day = [other for other in newer if other.time.date() == each.time.date()]
        same_week = [other for other in newer if other.time.isocalendar()[:2] == each.time.isocalendar()[:2]]
        if (
            not each.proven
            or age < rules.minimum_age
            or len(newer) < max(1, rules.newest)
            or (each.whole and not any(other.whole for other in newer))
            or (each.is_quiesced and not any(other.is_quiesced for other in newer))
            or (age < DAY * rules.daily_days and not same_day)
            or (age < DAY * rules.weekly_days and not same_week)
        ):
            keep.add(each)
    return keep


def _holds_for(seed: int) -> None:
    rng = random.Random(seed)
    candidates, rules = _history(rng)
    shuffled = rng.sample(candidates, len(candidates))
    decisions = decide(shuffled, rules, NOW)
    assert sorted(each.candidate.backup_id for each in decisions) == sorted(each.backup_id for each in candidates)
    left = {each.candidate for each in decisions if each.keep}
    assert left == _wanted(candidates, rules)
    assert {each.candidate for each in decide(left, rules, NOW) if each.keep} == left  # a second run deletes no more
    assert all(each.keep for each in decide(candidates, rules, NOW, in_use=True))


def test_what_must_hold_for_every_history_holds_for_some():
    for seed in range(IN_MAKE_TEST):
        _holds_for(seed)


@pytest.mark.full
def test_what_must_hold_for_every_history_holds_for_many():
    for seed in range(IN_MAKE_TEST, ALL):
        _holds_for(seed)


def test_day_after_day_the_newest_proven_one_is_there_and_the_rest_does_not_grow():
    rng = random.Random(0)
    rules, there = Rules(), set[Candidate]()
    for hour in itertools.count(0, 6):
        now = NOW + HOUR * hour
        if now > NOW + DAY * 200:
            break
        there.add(Candidate("blue-x", backup_id_at(now), proven=rng.random() > 0.05, whole=rng.random() > 0.05))
        newest = max((each for each in there if each.proven), key=lambda each: each.backup_id, default=None)
        there = {each.candidate for each in decide(there, rules, now) if each.keep}
        assert newest is None or newest in there
        assert sum(each.proven for each in there) <= 7 + 15 + 10 + 3 + 4
