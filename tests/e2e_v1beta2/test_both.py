"""From v1beta2 to v1beta2: at the source the operator is at 0 while Cluster API's objects are deleted."""

import pytest

from tests.e2e_v1beta2.moves import move

STORED = ("v1beta2", "v1beta2")


@pytest.mark.full
def test_the_whole_move_in_the_stored_version(operations, sandbox):
    assert move(operations, sandbox) == {}
