"""Private, by Routes: its nodes know the API by its private name, its public names lead to the VPC endpoint."""

import pytest

from sandbox.shape import Shape
from tests.e2e_v1beta2.moves import move

SHAPE = Shape(access="Private", availability="SingleReplica")

pytestmark = pytest.mark.full


@pytest.mark.timeout(900)
def test_the_whole_move(operations, sandbox):
    assert move(operations, sandbox) == {}
