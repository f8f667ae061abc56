"""A restore that did not raise etcd's revision is not taken for one that did."""

from __future__ import annotations

import pytest

from sandbox.proof.revision import RAISED_BY, Raise, row_of


def test_a_raised_revision_is_told_with_the_snapshots():
    row = row_of(57, RAISED_BY + 852, Raise(193, tool_can=True, compacted=True))
    assert row.problem == ""
    assert "193" in row.before
    assert "raised by 10^9" in row.after


@pytest.mark.parametrize(
    ("after", "compacted"),
    [(852, True), (RAISED_BY, True), (2 * RAISED_BY + 500, True), (RAISED_BY + 852, False)],
)
def test_a_tool_that_can_must_have_raised_it(after, compacted):
    assert row_of(57, after, Raise(193, tool_can=True, compacted=compacted)).problem


def test_a_tool_that_cannot_is_told_plainly():
    row = row_of(57, 852, Raise(193, tool_can=False, compacted=False))
    assert (row.problem, row.after) == ("", "852: not raised, this etcdutl cannot")


@pytest.mark.parametrize("after", [56, 192, RAISED_BY + 852])
def test_without_a_raise_it_goes_on_from_the_snapshot(after):
    assert row_of(57, after, Raise(193, tool_can=False, compacted=False)).problem
