"""A sandbox whose hosted cluster may be restored by its snapshot's URL: one member, a release that stages."""

import pytest

from sandbox.running import Sandbox
from sandbox.shape import Shape
from tests.operations import Operations


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sandbox") / "run"
    shape = Shape(availability="SingleReplica", release="4.22", node_pools=1)
    with Sandbox(folder, keys=1500, shape=shape) as running:
        yield running


@pytest.fixture
def operations(sandbox):
    return Operations(sandbox)
