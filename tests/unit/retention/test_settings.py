"""A parameter that is missing or no number must not end in deletions."""

import datetime

import pytest

from lifeboat.errors import ConfigurationError
from lifeboat.retention.settings import from_env

GIVEN = {
    "RETENTION_KEEP_NEWEST": "5",
    "RETENTION_KEEP_DAILY_DAYS": "10",
    "RETENTION_KEEP_WEEKLY_DAYS": "0",
    "RETENTION_MINIMUM_AGE_DAYS": "2",
    "STATE_MACHINES": "arn:a,arn:b",
}


def test_the_stacks_parameters_are_the_rules():
    given = from_env(GIVEN)
    assert (given.rules.newest, given.rules.daily_days, given.rules.weekly_days) == (5, 10, 0)
    assert given.rules.minimum_age == datetime.timedelta(days=2)
    assert given.machines == ("arn:a", "arn:b")


NUMBERS = [name for name in GIVEN if name.startswith("RETENTION")]


@pytest.mark.parametrize(
    ("name", "value"),
    [*((name, value) for name in NUMBERS for value in ("-1", "many", "1.5")), *((name, "") for name in GIVEN)],
)
def test_a_wrong_one_is_named(name, value):
    environment = {key: each for key, each in {**GIVEN, name: value}.items() if each}
    with pytest.raises(ConfigurationError, match=name):
        from_env(environment)


@pytest.mark.parametrize("name", ["RETENTION_KEEP_NEWEST", "RETENTION_MINIMUM_AGE_DAYS"])
def test_some_are_never_nought(name):
    with pytest.raises(ConfigurationError, match="at least 1"):
        from_env({**GIVEN, name: "0"})
