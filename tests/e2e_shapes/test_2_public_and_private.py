"""PublicAndPrivate, by Routes: clients come by the load balancer, nodes by the VPC endpoint."""

import pytest

from sandbox.shape import Shape
from tests.e2e_v1beta2.moves import move

SHAPE = Shape(access="PublicAndPrivate")

pytestmark = pytest.mark.full


@pytest.mark.timeout(900)
def test_the_whole_move(operations, sandbox):
    assert move(operations, sandbox) == {}
