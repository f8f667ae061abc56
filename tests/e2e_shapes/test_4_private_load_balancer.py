"""Private, its API by an internal load balancer: an AWSEndpointService each for the API and for the router."""

import pytest

from sandbox.shape import Shape
from tests.e2e_v1beta2.moves import move

SHAPE = Shape(access="Private", publishing="LoadBalancer")

pytestmark = pytest.mark.full


@pytest.mark.timeout(900)
def test_the_whole_move(operations, sandbox):
    assert move(operations, sandbox) == {}
