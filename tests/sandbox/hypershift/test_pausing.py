"""pausedUntil, value by value."""

import datetime

import pytest

from sandbox.hypershift.pausing import Pause

NOW = datetime.datetime.now(datetime.UTC)


@pytest.mark.parametrize(
    ("value", "paused", "valid"),
    [
        (None, False, True),
        ("true", True, True),
        ("True", True, True),
        ("false", False, True),
        ((NOW + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"), True, True),
        ((NOW - datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"), False, True),
        ((NOW + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S"), False, False),
        ("tomorrow", False, False),
        ("2999-13-45T00:00:00Z", False, False),
    ],
)
def test_only_booleans_and_dates_with_a_zone_pause(value, paused, valid):
    pause = Pause.of(value)
    assert (pause.paused, pause.valid) == (paused, valid)


def test_a_date_tells_when_to_look_again():
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    pause = Pause.of(later.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert pause.seconds == pytest.approx(3600, abs=60)
