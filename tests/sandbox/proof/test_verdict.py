"""The judge of a move does not take a loss for a success."""

from __future__ import annotations

import datetime

from sandbox.proof import verdict, writes

START = datetime.datetime(2026, 11, 3, 10, tzinfo=datetime.UTC)


def at(seconds: float) -> datetime.datetime:
    return START + datetime.timedelta(seconds=seconds)


def acknowledged(*seconds: float) -> list[dict[str, str]]:
    return [{"key": f"/{each}", "time": at(each).isoformat()} for each in seconds]


def test_an_api_that_is_back_was_away_for_the_longest_gap():
    away = writes.outage(acknowledged(0, 0.1, 30.1, 30.2), at(30.4))
    assert (str(away), away.lasts) == ("30.0 s", False)


def test_an_api_that_never_came_back_is_away_still():
    away = writes.outage(acknowledged(0, 0.1, 0.2), at(60.2))
    assert (str(away), away.lasts) == ("60.0 s, and still", True)


def test_without_any_write_it_is_away():
    assert writes.outage([], START).lasts


def test_keys_that_are_gone_are_named():
    row = verdict._etcd_keys(frozenset({"/a", "/b", "/c"}), frozenset({"/a", "/d"}))
    assert (row.after, row.problem) == ("2, 2 lost", "/b; /c")


def test_keys_that_came_since_are_no_loss():
    assert verdict._etcd_keys(frozenset({"/a"}), frozenset({"/a", "/d"})).problem == ""


def test_nothing_before_proves_nothing():
    assert verdict._etcd_keys(frozenset(), frozenset({"/a"})).problem
