"""A backup in memory, and a destination that is opened for it."""

import pytest

from tests.unit.backed_up import a_backup


@pytest.fixture
def world():
    return a_backup()


@pytest.fixture
def destination(world):
    return world.open()
