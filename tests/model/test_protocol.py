"""Two executions against one hosted cluster: whatever they do, no two control planes; and no guard is there in vain."""

import pytest

from tests.model.search import scenario, search
from tests.model.tasks import GUARDS
from tests.model.world import Execution, World

FIRST = Execution("recover", operation=1)
PAIRS = {
    "the same operation again": (FIRST, FIRST),
    "another operation": (FIRST, Execution("recover", 2)),
    "the same operation elsewhere": (FIRST, Execution("recover", 1, destination=2)),
    "a lone restore": (FIRST, Execution("restore", 2)),
    "a lone restore elsewhere": (FIRST, Execution("restore", 2, destination=2)),
    "a backup of the same operation": (FIRST, Execution("backup", 1)),
    "a backup of another operation": (FIRST, Execution("backup", 2)),
    "a restore of a lone backup": (Execution("backup", 1), Execution("restore", 2)),
}
RESCUE = (Execution("rescue", 1), Execution("rescue", 1))
SILENT = World(answers=False, saved=(1,))

SMALL = (
    {"twins": 1, "aborts": 1},
    {"twins": 1, "failures": 1},
    {"aborts": 1, "failures": 1},
    {"aborts": 1, "hands": 1},
)
LARGE = ({"twins": 1, "aborts": 1, "failures": 1}, {"aborts": 1, "failures": 2}, {"failures": 1, "hands": 2})


def bounds(words):
    return ", ".join(f"{count} {name}" for name, count in words.items())


CASES = [
    *((name, each, ()) for name in PAIRS for each in SMALL),
    *((name, each, pytest.mark.full) for name in PAIRS for each in LARGE),
]


@pytest.mark.parametrize(
    ("pair", "budget"),
    [pytest.param(name, each, marks=marks, id=f"{name}: {bounds(each)}") for name, each, marks in CASES],
)
def test_the_protocol_never_ends_in_harm(pair, budget, record_property):
    found = search(scenario(*PAIRS[pair], **budget))
    assert not found.problem, "\n".join((found.problem, *found.trace))
    record_property("states", found.states)


@pytest.mark.parametrize("budget", SMALL[:3], ids=bounds)
def test_a_source_that_does_not_answer_is_replaced_only_once_it_is_cut_off(budget):
    """Whether or not it answers again."""
    found = search(scenario(*RESCUE, world=SILENT, returns=1, **budget))
    assert not found.problem, "\n".join((found.problem, *found.trace))


@pytest.mark.parametrize("pair", ["the same operation again", "another operation", "a lone restore"])
def test_clocks_decide_nothing_that_is_dangerous(pair):
    """A lease that a fast clock takes for expired while its holder runs: two at work at once, and still no harm."""
    found = search(scenario(*PAIRS[pair], twins=0, failures=1), GUARDS - {"running"})
    assert not found.problem, "\n".join((found.problem, *found.trace))


WITHOUT = {
    "epoch": ("a backup of the same operation", {"aborts": 1}),
    "stamps": ("the same operation again", {"aborts": 1, "failures": 1}),
    "seal": ("a lone restore", {"aborts": 1, "failures": 1}),
    "fence": ("a restore of a lone backup", {}),
    "second look": ("the same operation again", {"hands": 1}),
    "claim": ("the same operation elsewhere", {}),
    "look back": ("the same operation again", {"failures": 1}),
    "owner": ("a backup of the same operation", {}),
    "late wait": ("the same operation again", {"aborts": 1, "failures": 1}),
    "namespace version": ("the same operation again", {"aborts": 1, "failures": 1}),
    "written after": ("the same operation again", {"hands": 2}),
    "cut": ("rescue", {}),
}


def test_every_guard_is_tried_without():
    assert set(WITHOUT) == GUARDS - {"running"}


@pytest.mark.parametrize("guard", WITHOUT)
def test_without_a_guard_harm_is_found(guard):
    """Else the model could not fail."""
    name, budget = WITHOUT[guard]
    pair, world = (RESCUE, SILENT) if name == "rescue" else (PAIRS[name], World())
    assert search(scenario(*pair, world=world, **budget), GUARDS - {guard}).problem
