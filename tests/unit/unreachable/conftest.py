import pytest

from tests.unit.unreachable.a_source import Unreachable


@pytest.fixture
def source() -> Unreachable:
    """Backed up online ten minutes ago, silent since."""
    return Unreachable().backed_up().dies()


@pytest.fixture
def chosen(source) -> Unreachable:
    """And a recovery without it was approved."""
    return source.chosen()
