"""Whatever the order, the twins, the stops and the clocks: never two control planes, a worker lost, a false success."""

from collections import Counter

import pytest

from lifeboat.etcd import later
from tests.schedules import mutants
from tests.schedules.schedule import Schedule

SOME, ALL = 500, 20_000
QUICK = 1_500
"""Schedules within which the more frequent of the planted bugs are found."""


def run(seed, plant=lambda _: None):
    """One schedule, reproducible by its seed: `(harm, schedule)`."""
    with pytest.MonkeyPatch.context() as patch:
        schedule = Schedule(seed)
        patch.setattr(later, "written_after", schedule.world.written_after)
        plant(patch)
        return schedule.run(), schedule


def told(seed, harm, schedule):
    return "\n".join((f"seed {seed}: {harm}", *schedule.trace))


def all_is_well(seeds):
    outcomes = Counter()
    for seed in seeds:
        harm, schedule = run(seed)
        assert not harm, told(seed, harm, schedule)
        outcomes.update((each.kind, each.outcome) for each in schedule.executions)
    # Schedules in which nothing came to its end, or nothing went wrong, would prove little.
    kinds = [("recover", "success"), ("recover", "failed"), ("recover", "stopped"), ("restore", "success")]
    assert min(outcomes[each] for each in kinds) >= len(seeds) // 100


def test_some_random_schedules_do_no_harm():
    all_is_well(range(SOME))


@pytest.mark.full
def test_twenty_thousand_random_schedules_do_no_harm():
    all_is_well(range(ALL))


def test_a_seed_is_a_schedule():
    assert run(7)[1].trace == run(7)[1].trace


RARE = (mutants.no_lease, mutants.no_seal, mutants.no_version_of_the_namespace, mutants.no_look_into_etcd)


@pytest.mark.parametrize(
    "plant", [pytest.param(each, marks=pytest.mark.full if each in RARE else ()) for each in mutants.MUTANTS]
)
def test_a_planted_bug_is_found(plant):
    """Else schedules that find nothing would mean nothing."""
    seeds = ALL if plant in RARE else QUICK
    assert any(run(seed, plant)[0] for seed in range(seeds))
