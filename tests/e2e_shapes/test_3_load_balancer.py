"""Public, its API by a load balancer of its own, whose name stands on a Service."""

import pytest

from sandbox.shape import Shape
from tests.e2e_v1beta2.moves import move

SHAPE = Shape(publishing="LoadBalancer")

pytestmark = pytest.mark.full


@pytest.mark.timeout(900)
def test_the_whole_move(operations, sandbox):
    assert move(operations, sandbox) == {}
