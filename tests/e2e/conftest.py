"""One sandbox for all tests of this folder, in the order of their files; it ends before other parts start."""

import pytest

from sandbox.running import Sandbox
from tests.e2e.operations import Operations


@pytest.fixture(scope="package")
def sandbox(tmp_path_factory):
    with Sandbox(tmp_path_factory.mktemp("sandbox") / "run", keys=1500) as running:
        yield running


@pytest.fixture
def operations(sandbox):
    return Operations(sandbox)
